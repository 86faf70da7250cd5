"""Log lines of jobs, read forwards from a line or backwards from the end."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, func, select

from webapp.db.engine import reading
from webapp.jobs.model.job import UNCOUNTED
from webapp.schema import attempts, log_lines

PAGE = 500
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")  # least severe first
OUTPUT = "OUTPUT"  # the level of what a handler printed, and of what its libraries logged


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line of a job's log; ``id`` grows, so "after" pages through them."""

    id: int
    attempt: int
    at: datetime
    level: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCriteria:
    """Which lines of a job's log: of at least a level, or of `OUTPUT`, of one attempt, after or before a line."""

    job_id: UUID
    level: str = ""
    attempt: int | None = None
    after: int = 0
    before: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the criteria as SQL conditions."""
        found: list[ColumnElement[bool]] = [log_lines.c.job_id == self.job_id, log_lines.c.id > self.after]
        if self.level in LEVELS:
            found.append(log_lines.c.level.in_(LEVELS[LEVELS.index(self.level) :]))
        if self.level == OUTPUT:
            found.append(log_lines.c.level == OUTPUT)
        if self.attempt is not None:
            found.append(log_lines.c.attempt - _uncounted_before(self.job_id, log_lines.c.attempt) == self.attempt)
        if self.before is not None:
            found.append(log_lines.c.id < self.before)
        return found


def _uncounted_before(job_id: UUID, start: ColumnElement[int]) -> ColumnElement[int]:
    """Count the starts before ``start`` that used up no attempt."""
    earlier = (attempts.c.job_id == job_id, attempts.c.number < start, attempts.c.outcome.in_(UNCOUNTED))
    return select(func.count()).where(*earlier).scalar_subquery()


class JobLogs:
    """Reads the logs of jobs."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def log(self, job_id: UUID, after: int = 0, limit: int = PAGE) -> tuple[LogLine, ...]:
        """Return the lines after line ``after``, oldest first."""
        return self.first_lines(LogCriteria(job_id=job_id, after=after), limit)

    def first_lines(self, criteria: LogCriteria, limit: int = PAGE) -> tuple[LogLine, ...]:
        """Return the first matching lines, oldest first."""
        return self._lines(criteria, limit, log_lines.c.id.asc())

    def last_lines(self, criteria: LogCriteria, limit: int = PAGE) -> tuple[LogLine, ...]:
        """Return the last matching lines, oldest first."""
        return self._lines(criteria, limit, log_lines.c.id.desc())[::-1]

    def all_lines(self, criteria: LogCriteria) -> Iterator[tuple[LogLine, ...]]:
        """Yield all matching lines, a page at a time."""
        while page := self.first_lines(criteria):
            yield page
            criteria = replace(criteria, after=page[-1].id)

    def _lines(self, criteria: LogCriteria, limit: int, order: ColumnElement[int]) -> tuple[LogLine, ...]:
        columns = [column for column in log_lines.c if column.name != "job_id"]
        query = select(*columns).where(*criteria.conditions()).order_by(order).limit(limit)
        with reading(self.engine) as connection:
            return tuple(LogLine(**row) for row in connection.execute(query).mappings())
