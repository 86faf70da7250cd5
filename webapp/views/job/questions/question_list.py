"""The list of the questions that the signed-in user is asked."""

from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from webapp.jobs.questions.open_questions import CEILING, OpenQuestion
from webapp.views.page.request import job_policy, services
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.stored_messages import translated

bp = Blueprint("questions", __name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionRow:
    """A question in the list."""

    id: UUID
    text: str
    job: str
    short_id: str
    asked_at: FormattedTime
    until: FormattedTime | None


@bp.get("/questions")
def index() -> ResponseReturnValue:
    """List the questions that the signed-in user is asked, those that expire first before the others."""
    context, found = viewer_context(), services().open_questions.of(job_policy())
    rows = [_row(each, context) for each in found]
    return render_template("job/questions/index.html", rows=rows, is_cut=len(found) >= CEILING)


def _row(found: OpenQuestion, context: ViewerContext) -> QuestionRow:
    question = found.question
    return QuestionRow(
        id=question.id,
        text=translated(question.text),
        job=translated(found.job.title),
        short_id=found.job.short_id,
        asked_at=context.when(question.asked_at),
        until=context.when(question.ends_at) if question.ends_at else None,
    )
