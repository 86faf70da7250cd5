"""A question with whom it asks until when, its form, and what became of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from webapp.jobs.model.job import Job
from webapp.jobs.model.job_policy import JobAction
from webapp.jobs.questions.answer_class import InvalidAnswer, UnknownForm, class_at, parse_answer
from webapp.jobs.questions.answers import seen_state
from webapp.jobs.questions.question import Question, QuestionState, respondent_of
from webapp.views.forms.payload_form import PayloadForm
from webapp.views.job.parameters import JobParameter, parameters
from webapp.views.page.request import services
from webapp.views.page.viewer_context import ViewerContext
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.question_text import respondents_text
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionCard:
    """``form`` is None unless the viewer can answer now; ``default`` and ``answer`` are values by field."""

    id: UUID
    text: str
    asked_of: str
    asks_reader: bool  # others who can answer do it for whoever is asked
    asked_at: FormattedTime
    until: FormattedTime | None
    state: QuestionState
    form: PayloadForm | None
    no_form: str  # why a viewer who may answer cannot
    default: tuple[JobParameter, ...]
    answer: tuple[JobParameter, ...]
    answered_by: str
    closed_at: FormattedTime | None

    @property
    def is_open(self) -> bool:
        """Whether somebody can answer it."""
        return self.state is QuestionState.OPEN


def question_cards(job: Job, questions: Sequence[Question], context: ViewerContext) -> tuple[QuestionCard, ...]:
    """Return the questions of a job, oldest first, for a viewer who can open it or answer."""
    names = _names(questions)
    return tuple(_card(job, question, names, context) for question in questions)


def question_card(job: Job, question: Question, context: ViewerContext) -> QuestionCard:
    """Return one question."""
    return _card(job, question, _names([question]), context)


def may_answer(job: Job, context: ViewerContext) -> bool:
    """Return whether the viewer can answer the question that a job waits for."""
    return job.waits_for_answer and context.policy.refusal(JobAction.ANSWER, job) is None


def _card(job: Job, question: Question, names: Mapping[UUID, str], context: ViewerContext) -> QuestionCard:
    state, form, no_form = seen_state(question.state, job), None, ""
    if state is QuestionState.OPEN and may_answer(job, context):
        try:
            form = PayloadForm(class_at(question.form), zone=context.zone)
        except UnknownForm as error:
            no_form = translated(str(error))
    return QuestionCard(
        id=question.id,
        text=translated(question.text),
        asked_of=respondents_text(question.asked_of, names, context.policy.user_id),
        asks_reader=context.policy.is_asked(question.asked_of, job.tenant),
        asked_at=context.when(question.asked_at),
        until=context.when(question.ends_at) if question.ends_at else None,
        state=state,
        form=form,
        no_form=no_form,
        default=_values(question, question.default, context),
        answer=_values(question, question.answer, context),
        answered_by=_person(question.answered_by, names, context),
        closed_at=context.when(question.closed_at) if question.closed_at else None,
    )


def _values(question: Question, values: Mapping[str, Any] | None, context: ViewerContext) -> tuple[JobParameter, ...]:
    """Return an answer by field; none if its form does not exist any more."""
    if values is None:
        return ()
    try:
        model = class_at(question.form)
        parse_answer(model, values)
    except (UnknownForm, InvalidAnswer):
        return ()
    return tuple(parameters(model, values, context.zone))


def _names(questions: Iterable[Question]) -> Mapping[UUID, str]:
    users = {respondent_of(question.asked_of).user for question in questions}
    people = users | {question.answered_by for question in questions}
    return services().accounts.names({person for person in people if person is not None})


def _person(user_id: UUID | None, names: Mapping[UUID, str], context: ViewerContext) -> str:
    if user_id is None:
        return ""
    return _("You") if user_id == context.policy.user_id else names.get(user_id) or _("Deleted account")
