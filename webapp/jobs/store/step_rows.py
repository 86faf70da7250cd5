"""The steps of jobs as rows: each with the result that it keeps for later attempts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Integer, literal, select
from sqlalchemy import insert as insert_into
from uuid_utils.compat import uuid7

from webapp.db.engine import reading
from webapp.schema import job_questions, job_steps

NAME_LIMIT = 80  # characters, as in the schema
FROM_OTHER_JOB = 0  # the attempt of a step that was taken over from the job that this one repeats
_COLUMNS = tuple(column for column in job_steps.c if column is not job_steps.c.job_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step that has ended, and what it returned (JSON).

    ``attempt`` is the number of the start that ran it, or `FROM_OTHER_JOB`.
    """

    name: str
    place: int
    attempt: int
    started_at: datetime
    finished_at: datetime
    result: Any

    @property
    def period(self) -> timedelta:
        """How long it took."""
        return self.finished_at - self.started_at


class JobSteps:
    """Reads the steps of jobs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, job_id: UUID) -> tuple[Step, ...]:
        """Return the steps of a job in the order in which they ended."""
        with reading(self._engine) as connection:
            return tuple(steps_of(connection, job_id))


def steps_of(connection: Connection, job_id: UUID) -> Sequence[Step]:
    """Return the steps of a job in the order in which they ended."""
    found = select(*_COLUMNS).where(job_steps.c.job_id == job_id).order_by(job_steps.c.place, job_steps.c.name)
    return [Step(**row) for row in connection.execute(found).mappings()]


def insert(connection: Connection, job_id: UUID, step: Step) -> None:
    """Add a step; the caller has checked that the attempt still holds the job."""
    values = {column.key: getattr(step, column.key) for column in _COLUMNS}
    connection.execute(insert_into(job_steps).values(job_id=job_id, **values))


def copy_before(connection: Connection, source_id: UUID, target_id: UUID, place: int) -> None:
    """Give a new job the steps that another one has before ``place``, and the answers that it had got by then."""
    values = {column.key: column for column in _COLUMNS} | {"attempt": literal(FROM_OTHER_JOB, Integer)}
    kept = select(literal(target_id, job_steps.c.job_id.type), *values.values()).where(
        job_steps.c.job_id == source_id, job_steps.c.place < place
    )
    connection.execute(insert_into(job_steps).from_select(["job_id", *values], kept))
    _copy_answers_before(connection, source_id, target_id, place)


def _copy_answers_before(connection: Connection, source_id: UUID, target_id: UUID, place: int) -> None:
    """Copy the answers that the results of the copied steps can depend on."""
    step = (job_steps.c.job_id == source_id, job_steps.c.place == place)
    began = select(job_steps.c.started_at).where(*step).scalar_subquery()
    given = (job_questions.c.answer.is_not(None), job_questions.c.closed_at <= began)
    found = select(job_questions).where(job_questions.c.job_id == source_id, *given).order_by(job_questions.c.id)
    rows = [{**row, "id": uuid7(), "job_id": target_id} for row in connection.execute(found).mappings()]
    if rows:
        connection.execute(insert_into(job_questions), rows)
