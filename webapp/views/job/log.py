"""The log of a job, as far as it is read: its lines, where it goes on, and when to ask for more.

The log of a job as a file.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue

from webapp.jobs.model.job import Job
from webapp.jobs.queries.log_lines import JobLogs, LogCriteria, LogLine
from webapp.services import Services
from webapp.views.page import polling
from webapp.views.page.request import services, viewer
from webapp.views.page.responses import text_response
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.date_format import FormattedTime, time_of_day
from webapp.views.text.translations import gettext as _

PAGE = 500
_DIGITS = 18  # what a database counts to
_AT_ONCE = 1.0  # seconds, while there are more lines than one answer holds
_TONES = {"warning": "attention", "error": "failed", "critical": "failed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """What of a log is wanted, as an address says it; what makes no sense is left out."""

    level: str = ""
    attempt: int | None = None
    after: int | None = None
    before: int | None = None

    @classmethod
    def of(cls, arguments: Mapping[str, str]) -> Self:
        """Read it from the arguments of an address."""
        level = arguments.get("level", "").upper()
        return cls(
            level=level if level in {"WARNING", "ERROR"} else "",
            attempt=_number(arguments.get("attempt")),
            after=_number(arguments.get("after")),
            before=_number(arguments.get("before")),
        )

    def arguments(self, **changed: int | None) -> dict[str, Any]:
        """Return what `of` reads back, with other ends."""
        given = {"level": self.level.lower(), "attempt": self.attempt, **changed}
        return {name: value for name, value in given.items() if value not in {"", None}}

    def lines(self, job_id: UUID) -> LogCriteria:
        """Return the same as a question to the log."""
        return LogCriteria(
            job_id=job_id, level=self.level, attempt=self.attempt, after=self.after or 0, before=self.before
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """One line of a log, with the class of its colour."""

    at: FormattedTime
    tone: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLog:
    """Lines of a log. ``earlier`` and ``later`` are where it goes on, ``trigger`` is empty when no more will come."""

    chosen: LogFilter
    levels: Mapping[str, str]
    attempts: int
    lines: tuple[LogRow, ...]
    earlier: Mapping[str, Any] | None
    later: Mapping[str, Any] | None
    next: Mapping[str, Any]
    trigger: str

    @property
    def is_narrowed(self) -> bool:
        """Not every line is wanted."""
        return bool(self.chosen.level or self.chosen.attempt)


def job_log(services: Services, job: Job, reader: ViewerContext, chosen: LogFilter) -> JobLog:
    """Ask for a page of the log: its end, unless ``chosen`` says otherwise.

    The job must have been read before, so that no line of it is missed.
    """
    wanted = chosen.lines(job.id)
    ask = services.queries.logs.last_lines if chosen.after is None else services.queries.logs.first_lines
    found = ask(wanted, PAGE + 1) if reader.may_open(job) else ()
    more = len(found) > PAGE
    shown = found[:PAGE] if chosen.after is not None else found[-PAGE:]
    return _log(job, reader, chosen, shown, more=more)


def _log(job: Job, reader: ViewerContext, chosen: LogFilter, shown: Sequence[LogLine], *, more: bool) -> JobLog:
    backwards = chosen.after is None
    goes_on = chosen.before is not None or (more and not backwards)
    last = shown[-1].id if shown else chosen.after or 0
    seconds = polling.job_interval(job, reader.now) or (_AT_ONCE if goes_on else None)
    begins_later = (more and backwards) or (not backwards and bool(chosen.after))
    return JobLog(
        chosen=chosen,
        levels={"": _("All lines"), "warning": _("Warnings and errors"), "error": _("Errors")},
        attempts=job.attempt,
        lines=_lines(shown, reader),
        earlier=chosen.arguments(before=shown[0].id) if begins_later and shown else None,
        later=chosen.arguments(after=last) if goes_on else None,
        next=chosen.arguments(after=last),
        trigger=polling.trigger(seconds) if seconds and chosen.before is None else "",
    )


def _lines(lines: Sequence[LogLine], reader: ViewerContext) -> tuple[LogRow, ...]:
    return tuple(
        LogRow(at=time_of_day(line.at, reader.zone), tone=_TONES.get(line.level.lower(), ""), text=line.text)
        for line in lines
    )


def _number(text: str | None) -> int | None:
    fits = text and text.isascii() and text.isdigit() and len(text) <= _DIGITS
    return int(text) if text and fits else None


bp = Blueprint("log", __name__)


@bp.get("/jobs/<uuid:job_id>/log.txt")
def download(job_id: UUID) -> ResponseReturnValue:
    """Send the lines, all or of a level and an attempt, as they are read from the database."""
    job = services().queries.jobs.get_visible(viewer(), job_id)
    if not viewer_context().may_open(job):
        abort(404)
    lines = LogFilter.of(request.args).lines(job.id)
    return text_response(log_as_text(services().queries.logs, lines), download_as=f"{job.short_id}.log.txt")


def log_as_text(logs: JobLogs, lines: LogCriteria) -> Iterator[str]:
    """Write a log in pages of text, its times in UTC."""
    for page in logs.all_lines(lines):
        yield "".join(
            f"{line.at.isoformat(timespec='milliseconds')} [{line.attempt}] {line.level.lower():8} {line.text}\n"
            for line in page
        )
