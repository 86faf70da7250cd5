"""Logs: the lines that jobs wrote, read forwards from a line or backwards from the end."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, select

from webapp.db.engine import reading
from webapp.schema import log_lines

PAGE = 500
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")  # from the lightest


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
    """Which lines of a job's log: of a level or a graver one, of one attempt, after or before a line."""

    job_id: UUID
    level: str = ""
    attempt: int | None = None
    after: int = 0
    before: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the same as SQL."""
        found: list[ColumnElement[bool]] = [log_lines.c.job_id == self.job_id, log_lines.c.id > self.after]
        if self.level in LEVELS:
            found.append(log_lines.c.level.in_(LEVELS[LEVELS.index(self.level) :]))
        if self.attempt is not None:
            found.append(log_lines.c.attempt == self.attempt)
        if self.before is not None:
            found.append(log_lines.c.id < self.before)
        return found


class JobLogs:
    """The logs of the jobs of one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def log(self, job_id: UUID, after: int = 0, limit: int = PAGE) -> tuple[LogLine, ...]:
        """Return lines of a job's log that come after line ``after``, oldest first."""
        return self.first_lines(LogCriteria(job_id=job_id, after=after), limit)

    def first_lines(self, wanted: LogCriteria, limit: int = PAGE) -> tuple[LogLine, ...]:
        """Return the first of the lines, oldest first."""
        return self._lines(wanted, limit, log_lines.c.id.asc())

    def last_lines(self, wanted: LogCriteria, limit: int = PAGE) -> tuple[LogLine, ...]:
        """Return the last of the lines, oldest first."""
        return self._lines(wanted, limit, log_lines.c.id.desc())[::-1]

    def all_lines(self, wanted: LogCriteria) -> Iterator[tuple[LogLine, ...]]:
        """Go through all of the lines, a page at a time."""
        while page := self.first_lines(wanted):
            yield page
            wanted = replace(wanted, after=page[-1].id)

    def _lines(self, wanted: LogCriteria, limit: int, order: ColumnElement[int]) -> tuple[LogLine, ...]:
        columns = [column for column in log_lines.c if column.name != "job_id"]
        found = select(*columns).where(*wanted.conditions()).order_by(order).limit(limit)
        with reading(self.engine) as connection:
            return tuple(LogLine(**row) for row in connection.execute(found).mappings())
