"""The parts of a root as rows of a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from webapp.jobs.job import Job, Status
from webapp.views import wording
from webapp.views.moments import Moment, span
from webapp.views.reader import Reader
from webapp.views.wording import Look
from webapp.views.written import note_in_words, translated


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a job; ``line`` is its error if it failed, else what it does."""

    id: UUID
    short_id: str
    name: str
    look: Look
    runs: bool
    percent: float | None
    line: str
    failed: bool
    ran: str
    when: Moment


def rows(parts: Sequence[Job], reader: Reader, *, opened: bool) -> tuple[Part, ...]:
    """Describe parts; only who may open their root reads what they say."""
    return tuple(_row(part, reader, opened=opened) for part in parts)


def _row(part: Job, reader: Reader, *, opened: bool) -> Part:
    failed = part.status in {Status.FAILED, Status.STALE}
    error = note_in_words(part.errors[-1]) if part.errors and failed else ""
    begun = None if part.is_new else part.started_at  # one that waits for its next attempt does not run on
    ran = (part.finished_at or reader.now) - begun if begun else timedelta()
    moment = part.finished_at or part.started_at or part.created_at or reader.now
    return Part(
        id=part.id,
        short_id=part.short_id,
        name=part.child_name or translated(part.title),
        look=wording.look(part),
        runs=part.is_running,
        percent=wording.percent(part),
        line=(error or _line(part)) if opened else "",
        failed=failed,
        ran=span(ran) if begun else "",
        when=reader.when(moment),
    )


def _line(part: Job) -> str:
    return wording.amounts(part) if part.is_running else translated(part.message)
