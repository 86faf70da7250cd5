"""Answer a question, or let it expire: one guarded write each, after which its job can be claimed again.

Of two answers at once, one is written. A question whose job has ended is withdrawn: nobody can answer it any more.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Connection, Engine, or_, select, update

from webapp.fault_injection import faultpoint
from webapp.jobs.model.job import EventName, IllegalTransition, Job, Status, short_id
from webapp.jobs.model.json_values import NotStorable
from webapp.jobs.questions import question_rows
from webapp.jobs.questions.answer_class import InvalidAnswer, class_at, parse_answer, stored
from webapp.jobs.questions.question import Question, QuestionState
from webapp.jobs.questions.question_rows import JobQuestions
from webapp.jobs.store import events, lock_order, transitions
from webapp.jobs.store.job_store import JobStore
from webapp.schema import job_questions, jobs, now


class NoOpenQuestion(IllegalTransition):
    """Raised when a question is answered that is not open, or no longer."""

    def __init__(self, job_id: UUID, state: QuestionState | None) -> None:
        """Say why."""
        number = short_id(job_id)
        sentences = {
            None: f"Job {number} does not wait for an answer.",
            QuestionState.OPEN: f"Job {number} could only be answered until its time was over.",
            QuestionState.ANSWERED: f"The question of job {number} was already answered.",
            QuestionState.EXPIRED: f"Nobody answered job {number} in time, and it goes on without the answer.",
            QuestionState.WITHDRAWN: f"The question of job {number} was withdrawn, because the job was stopped.",
        }
        Exception.__init__(self, sentences[state])


def checked(
    engine: Engine, job_id: UUID, values: object, question_id: UUID | None
) -> tuple[Question, Mapping[str, Any]]:
    """Return the question that is answered, and the answer as JSON; raise what `answer` raises, or `InvalidAnswer`."""
    questions = JobQuestions(engine)
    question = questions.open_of(job_id) if question_id is None else questions.get(question_id)
    if question is None or question.job_id != job_id:
        raise NoOpenQuestion(job_id, None)
    model = class_at(question.form)
    try:
        plain = values.model_dump(mode="json", by_alias=True) if isinstance(values, BaseModel) else values
        return question, stored(parse_answer(model, plain, strict=True))
    except NotStorable as error:
        raise InvalidAnswer({"": str(error)}) from None


def answer(
    connection: Connection, store: JobStore, question: Question, values: Mapping[str, Any], *, by: UUID | None
) -> set[str]:
    """Write the answer to a question, as JSON; return the queues in which jobs can now be claimed.

    Raises `NoOpenQuestion`; then nothing is written.
    """
    lock_order.lock_families(connection, [question.job_id])
    job = store.read(connection, question.job_id)
    in_time = or_(job_questions.c.ends_at.is_(None), job_questions.c.ends_at > now())
    given = {"state": QuestionState.ANSWERED.value, "answer": dict(values), "answered_by": by}
    if not job.waits_for_answer or not question_rows.close(connection, question, in_time, **given):
        raise NoOpenQuestion(job.id, state_now(connection, question, job))
    events.insert(connection, events.rows_of([job], EventName.ANSWERED, actor_id=by, detail=question.name))
    woken = _continue(connection, job)
    faultpoint("answer.commit")
    return woken


def expire(connection: Connection, store: JobStore, question: Question) -> set[str] | None:
    """Let a job go on with the default of a question, or without an answer; None if it is not due any more."""
    lock_order.lock_families(connection, [question.job_id])
    job = store.read(connection, question.job_id)
    if not job.waits_for_answer:
        return None
    taken = {"state": QuestionState.EXPIRED.value, "answer": job_questions.c.default}
    if not question_rows.close(connection, question, job_questions.c.ends_at <= now(), **taken):
        return None
    events.insert(connection, events.rows_of([job], EventName.ANSWER_EXPIRED, detail=question.name))
    woken = _continue(connection, job)
    faultpoint("answer-expire.commit")
    return woken


def state_now(connection: Connection, question: Question, job: Job) -> QuestionState:
    """Return what became of a question; one whose job does not wait any more was withdrawn."""
    state = connection.execute(select(job_questions.c.state).where(job_questions.c.id == question.id)).scalar_one()
    return seen_state(QuestionState(state), job)


def seen_state(state: QuestionState, job: Job) -> QuestionState:
    """Return what became of a question in this state; the clock marks one later whose job has ended."""
    return QuestionState.WITHDRAWN if state is QuestionState.OPEN and not job.waits_for_answer else state


def _continue(connection: Connection, job: Job) -> set[str]:
    """Let a job be claimed again, or wait for its time if somebody has given it one meanwhile."""
    asks = (jobs.c.id == job.id, jobs.c.status == Status.HELD.value)
    connection.execute(update(jobs).where(*asks).values(asked_of=None))
    released = transitions.released.update(transitions.WHEN_RELEASED).where(jobs.c.id == job.id)
    return {job.queue} if connection.execute(released).rowcount else set()
