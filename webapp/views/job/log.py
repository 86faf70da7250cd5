"""The log of a job: a page of lines that polls extend, and the whole log as a text file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue

from webapp.jobs.model.job import Job
from webapp.jobs.queries.log_lines import OUTPUT, JobLogs, LogCriteria, LogLine
from webapp.services import Services
from webapp.views.page import polling
from webapp.views.page.request import services, viewer
from webapp.views.page.responses import text_response
from webapp.views.page.user_shares import shared
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.date_format import FormattedTime, time_of_day
from webapp.views.text.translations import gettext as _

PAGE = 500
_DIGITS = 18  # fits into a database integer
_MORE_LINES_SECONDS = 1.0  # the interval of polls while more lines exist than one response holds
_TONES = {"warning": "attention", "error": "failed", "critical": "failed", "output": "output"}
bp = Blueprint("log", __name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """The part of a log that a URL selects; invalid values are ignored."""

    level: str = ""
    attempt: int | None = None
    after: int | None = None
    before: int | None = None

    @classmethod
    def of(cls, arguments: Mapping[str, str]) -> Self:
        """Read a filter from the query arguments of a URL."""
        level = arguments.get("level", "").upper()
        return cls(
            level=level if level in {"WARNING", "ERROR", OUTPUT} else "",
            attempt=_number(arguments.get("attempt")),
            after=_number(arguments.get("after")),
            before=_number(arguments.get("before")),
        )

    def arguments(self, **bounds: int | None) -> dict[str, Any]:
        """Return the query arguments that `of` reads, with other bounds."""
        values = {"level": self.level.lower(), "attempt": self.attempt, **bounds}
        return {name: value for name, value in values.items() if value not in {"", None}}

    def criteria(self, job_id: UUID) -> LogCriteria:
        """Return the criteria of the engine."""
        return LogCriteria(
            job_id=job_id, level=self.level, attempt=self.attempt, after=self.after or 0, before=self.before
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """A line of a log; ``tone`` is the CSS class of its colour."""

    at: FormattedTime
    tone: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLog:
    """A page of a log; ``earlier`` and ``later`` link to more lines, ``trigger`` is empty if no more lines can come."""

    filter: LogFilter
    levels: Mapping[str, str]
    attempts: int
    lines: tuple[LogRow, ...]
    earlier: Mapping[str, Any] | None
    later: Mapping[str, Any] | None
    next: Mapping[str, Any]
    trigger: str

    @property
    def is_narrowed(self) -> bool:
        """Whether a level or an attempt is selected."""
        return bool(self.filter.level or self.filter.attempt)


def job_log(services: Services, job: Job, context: ViewerContext, log_filter: LogFilter) -> JobLog:
    """Return a page of the log, by default its end.

    Read the job before the log, so that no line of a finished job is missed.
    """
    criteria = log_filter.criteria(job.id)
    read = services.queries.logs.last_lines if log_filter.after is None else services.queries.logs.first_lines
    found = read(criteria, PAGE + 1) if context.may_open(job) else ()
    more = len(found) > PAGE
    shown = found[:PAGE] if log_filter.after is not None else found[-PAGE:]
    return _log_page(job, context, log_filter, shown, more=more)


@bp.get("/jobs/<uuid:job_id>/log.txt")
def download(job_id: UUID) -> ResponseReturnValue:
    """Stream the lines, all or those of a level and an attempt."""
    job = services().queries.jobs.get_visible(viewer(), job_id)
    if not viewer_context().may_open(job):
        abort(404)
    lines = LogFilter.of(request.args).criteria(job.id)
    text = log_as_text(services().queries.logs, lines)
    return shared(text_response(text, download_as=f"{job.short_id}.log.txt"))


def log_as_text(logs: JobLogs, lines: LogCriteria) -> Iterator[str]:
    """Yield a log as text, page by page, with times in UTC."""
    for page in logs.all_lines(lines):
        yield "".join(
            f"{line.at.isoformat(timespec='milliseconds')} [{line.attempt}] {line.level.lower():8} {line.text}\n"
            for line in page
        )


def _log_page(
    job: Job, context: ViewerContext, log_filter: LogFilter, shown: Sequence[LogLine], *, more: bool
) -> JobLog:
    backwards = log_filter.after is None
    goes_on = log_filter.before is not None or (more and not backwards)
    last = shown[-1].id if shown else log_filter.after or 0
    seconds = polling.job_interval(job, context.now) or (_MORE_LINES_SECONDS if goes_on else None)
    begins_later = (more and backwards) or (not backwards and bool(log_filter.after))
    return JobLog(
        filter=log_filter,
        levels={
            "": _("All lines"),
            "warning": _("Warnings and errors"),
            "error": _("Errors"),
            "output": _("Output only"),
        },
        attempts=job.attempt_number,
        lines=_lines(shown, context),
        earlier=log_filter.arguments(before=shown[0].id) if begins_later and shown else None,
        later=log_filter.arguments(after=last) if goes_on else None,
        next=log_filter.arguments(after=last),
        trigger=polling.trigger(seconds) if seconds and log_filter.before is None else "",
    )


def _lines(lines: Sequence[LogLine], context: ViewerContext) -> tuple[LogRow, ...]:
    return tuple(
        LogRow(at=time_of_day(line.at, context.zone), tone=_TONES.get(line.level.lower(), ""), text=line.text)
        for line in lines
    )


def _number(text: str | None) -> int | None:
    fits = text and text.isascii() and text.isdigit() and len(text) <= _DIGITS
    return int(text) if text and fits else None
