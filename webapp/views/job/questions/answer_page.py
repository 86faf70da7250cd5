"""Answer a question: GET shows it with its form, POST answers. Who is asked need not see the rest of the job."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.jobs.model.job import Job
from webapp.jobs.questions.answer_class import InvalidAnswer
from webapp.jobs.questions.answers import NoOpenQuestion, seen_state
from webapp.jobs.questions.question import Question, QuestionState
from webapp.jobs.store.job_store import JobNotFound
from webapp.views.forms.payload_form import PayloadForm
from webapp.views.job.questions.question_card import may_answer, question_card
from webapp.views.job.questions.question_list import bp
from webapp.views.page.audit_log import audited
from webapp.views.page.request import job_policy, services, signed_in
from webapp.views.page.viewer_context import ViewerContext, viewer_context, zone
from webapp.views.text.stored_messages import translated


@bp.get("/questions/<uuid:question_id>")
def show(question_id: UUID) -> ResponseReturnValue:
    """Show a question with its form, or what became of it."""
    context = viewer_context()
    return _page(*readable_question(question_id), context)


@bp.post("/questions/<uuid:question_id>")
def answer(question_id: UUID) -> ResponseReturnValue:
    """Answer, or show the form again with a sentence for each mistake (422), or what became of the question (409)."""
    context = viewer_context()
    question, job = readable_question(question_id)
    card = question_card(job, question, context)
    if card.is_open and not may_answer(job, context):
        abort(403, translated("Only those whom the job asks can do this."))
    if card.form is None:
        return _page(question, job, context), 409
    form = PayloadForm(card.form.payload_class, zone=zone(), typed=request.form)
    if form.accepts():
        try:
            answer_question(question_id, form.values())
        except InvalidAnswer as error:
            form.add_errors(error.errors)
        except NoOpenQuestion:
            return _page(*readable_question(question_id), context), 409
        else:
            return redirect(_next(job, context), 303)
    return _page(question, job, context, form), 422


def answer_question(question_id: UUID, values: Mapping[str, Any]) -> Job:
    """Answer a question for the signed-in user, with its audit line; the page and the API call it.

    Raises what `Jobs.answer` raises; ends the request with 404 or 403 if the user may not.
    """
    context = viewer_context()
    question, job = readable_question(question_id)
    if (state := seen_state(question.state, job)) is not QuestionState.OPEN:
        raise NoOpenQuestion(job.id, state)
    if not may_answer(job, context):
        abort(403, translated("Only those whom the job asks can do this."))
    with audited(AuditAction.JOB_ANSWER, AuditTarget.JOB, job.id, name=job.title, after={"question": question.name}):
        return services().jobs.answer(job.id, values, by=signed_in().id, question_id=question.id)


def readable_question(question_id: UUID) -> tuple[Question, Job]:
    """Return a question and its job; end the request with 404 if the signed-in user may neither open it nor answer.

    Who was asked still sees what became of the question.
    """
    context = viewer_context()
    question = services().questions.get(question_id)
    if question is None:
        abort(404)
    try:
        job = services().jobs.get(question.job_id)
    except JobNotFound:
        abort(404)
    if not (_was_asked(question, job) or _can_open(job, context)):
        abort(404)
    return question, job


def readable_questions(job_id: UUID) -> tuple[Job, tuple[Question, ...]]:
    """Return a job and those of its questions that the signed-in user can read, oldest first; 404 if there are none.

    Of a job that they cannot open, these are the questions that they were asked.
    """
    context, asked = viewer_context(), services().questions.of(job_id)
    try:
        job = services().queries.jobs.get_visible(context.viewer, job_id)
        if context.may_open(job) or may_answer(job, context):
            return job, asked
    except JobNotFound:
        job = services().jobs.get(job_id)
    if not (own := tuple(question for question in asked if _was_asked(question, job))):
        abort(404)
    return job, own


def _was_asked(question: Question, job: Job) -> bool:
    """Return whether the signed-in user can answer a question, or could while it was open."""
    return job_policy().refusal_to_answer(replace(job, asked_of=question.asked_of)) is None


def _can_open(job: Job, context: ViewerContext) -> bool:
    owner_id, policy = job.owner.user_id, context.policy
    sees = policy.sees(owner_id, job.tenant, public=job.public, shared_with=job.shared_with)
    return sees and policy.may_open(job)


def _next(job: Job, context: ViewerContext) -> str:
    return url_for("jobs.show", job_id=job.id) if _can_open(job, context) else url_for("questions.index")


def _page(question: Question, job: Job, context: ViewerContext, form: PayloadForm | None = None) -> str:
    card = question_card(job, question, context)
    return render_template(
        "job/questions/answer.html",
        job=job,
        title=translated(job.title),
        question=card,
        form=form or card.form,
        can_open=_can_open(job, context),
        kept={},
        zone=zone().key,
    )
