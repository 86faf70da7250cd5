"""The rows of questions: every statement that reads or writes them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, and_, exists, literal_column, or_, select, update
from sqlalchemy import insert as insert_into
from uuid_utils.compat import uuid7

from webapp.db.engine import reading
from webapp.jobs.model.job import EventName
from webapp.jobs.questions.question import Question, QuestionDraft, QuestionState
from webapp.schema import events, job_questions, later, now

COLUMNS = tuple(job_questions.c[name] for name in Question.__dataclass_fields__)
# a constant, so that SQLite uses the partial index
IS_OPEN: ColumnElement[bool] = job_questions.c.state == literal_column(f"'{QuestionState.OPEN}'")


def insert(connection: Connection, job_id: UUID, draft: QuestionDraft) -> None:
    """Write a question of a job that waits for its answer from now on; withdraw the one that it left without one."""
    withdraw(connection, job_questions.c.job_id == job_id)
    every = draft.remind_every.total_seconds() if draft.remind_every else None
    values: dict[str, Any] = {
        "id": uuid7(),
        "job_id": job_id,
        "name": draft.name,
        "text": draft.text,
        "form": draft.form,
        "asked_of": draft.asked_of,
        "default": None if draft.default is None else dict(draft.default),
        "asked_at": now(),
        "ends_at": draft.ends_at,
        "remind_at": None if every is None else later(every),
        "remind_every": every,
        "state": QuestionState.OPEN.value,
    }
    connection.execute(insert_into(job_questions).values(values))


def withdraw(connection: Connection, which: ColumnElement[bool]) -> int:
    """Withdraw open questions; return how many."""
    withdrawn = update(job_questions).where(which, IS_OPEN)
    return connection.execute(withdrawn.values(state=QuestionState.WITHDRAWN.value, closed_at=now())).rowcount


def close(connection: Connection, question: Question, which: ColumnElement[bool], **values: Any) -> bool:
    """Close an open question for which a condition holds; return False if it does not, or somebody was faster."""
    closed = update(job_questions).where(job_questions.c.id == question.id, IS_OPEN, which)
    return connection.execute(closed.values(**values, closed_at=now())).rowcount == 1


def answers_of(connection: Connection, job_id: UUID) -> Mapping[str, Mapping[str, Any] | None]:
    """Return the answers that a job has got, by the names of its questions; None for those that nobody answered.

    A job that was retried since asks those again.
    """
    retried = exists().where(
        events.c.job_id == job_id, events.c.name == EventName.RETRIED.value, events.c.at >= job_questions.c.closed_at
    )
    has_answer = job_questions.c.answer.is_not(None)
    closed = or_(
        and_(job_questions.c.state == QuestionState.ANSWERED.value, has_answer),
        and_(job_questions.c.state == QuestionState.EXPIRED.value, or_(has_answer, ~retried)),
    )
    found = select(job_questions.c.name, job_questions.c.answer).where(job_questions.c.job_id == job_id, closed)
    return {row.name: row.answer for row in connection.execute(found.order_by(job_questions.c.id))}


def remind(connection: Connection, question_id: UUID, every: float) -> None:
    """Let an open question be reported once more."""
    again = {"reminders": job_questions.c.reminders + 1, "remind_at": later(every)}
    connection.execute(update(job_questions).where(job_questions.c.id == question_id, IS_OPEN).values(again))


def to_question(row: Any) -> Question:
    """Return the question of a row with `COLUMNS`."""
    values = {column.key: row[column.key] for column in COLUMNS}
    return Question(**{**values, "state": QuestionState(row["state"])})


class JobQuestions:
    """Reads the questions of jobs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, job_id: UUID) -> tuple[Question, ...]:
        """Return the questions of a job, oldest first."""
        return self._read(job_questions.c.job_id == job_id)

    def get(self, question_id: UUID) -> Question | None:
        """Return a question; None if there is none of that id."""
        return next(iter(self._read(job_questions.c.id == question_id)), None)

    def open_of(self, job_id: UUID) -> Question | None:
        """Return the question that a job waits for; whether it still waits is in the row of the job."""
        return next(iter(self._read(and_(job_questions.c.job_id == job_id, IS_OPEN))), None)

    def _read(self, which: ColumnElement[bool]) -> tuple[Question, ...]:
        found = select(*COLUMNS).where(which).order_by(job_questions.c.id)
        with reading(self._engine) as connection:
            return tuple(map(to_question, connection.execute(found).mappings()))
