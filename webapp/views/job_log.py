"""The log of a job, as far as it is read: its lines, and when to ask for more."""

from collections.abc import Sequence
from dataclasses import dataclass

from webapp.jobs.job import Job
from webapp.jobs.queries import LogLine
from webapp.services import Services
from webapp.views import polling
from webapp.views.moments import Moment, time_of_day
from webapp.views.reader import Reader

PAGE = 500
_AT_ONCE = 1.0  # seconds, while there are more lines than one answer holds
_LEVELS = {"warning": "attention", "error": "failed", "critical": "failed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a log, with the class of its colour."""

    at: Moment
    tone: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLog:
    """Lines of a log; ``last`` is the id of the last, and ``trigger`` is empty when no more will come."""

    lines: tuple[Line, ...]
    last: int
    more: bool
    trigger: str


def job_log(services: Services, job: Job, reader: Reader, after: int) -> JobLog:
    """Ask for the lines after line ``after``; the job must have been read before them, so that none is missed."""
    lines = services.jobs.log(job.id, after=after, limit=PAGE) if reader.may_open(job) else ()
    more = len(lines) == PAGE
    seconds = polling.job_interval(job, reader.now) or (_AT_ONCE if more else None)
    return JobLog(
        lines=_lines(lines, reader),
        last=lines[-1].id if lines else after,
        more=more,
        trigger=polling.trigger(seconds) if seconds else "",
    )


def _lines(lines: Sequence[LogLine], reader: Reader) -> tuple[Line, ...]:
    return tuple(
        Line(at=time_of_day(line.at, reader.zone), tone=_LEVELS.get(line.level.lower(), ""), text=line.text)
        for line in lines
    )
