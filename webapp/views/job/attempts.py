"""The finished attempts of a job: outcome, error, duration; for operators also worker, memory and traceback."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from webapp.jobs.model.job import EventName
from webapp.jobs.queries.visible_jobs import Attempt
from webapp.views.page.viewer_context import ViewerContext
from webapp.views.text.date_format import FormattedTime, duration
from webapp.views.text.number_format import decimal, size
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext

_OUTCOMES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        EventName.COMPLETED: (lazy_gettext("Done"), "done"),
        EventName.FAILED: (lazy_gettext("Failed"), "failed"),
        EventName.CANCELLED: (lazy_gettext("Stopped"), "stopped"),
        EventName.STALE: (lazy_gettext("Lost"), "failed"),
        EventName.LOST: (lazy_gettext("Worker lost"), "attention"),
        EventName.INTERRUPTED: (lazy_gettext("Interrupted"), "attention"),
        EventName.CONTINUED: (lazy_gettext("Continued in a new process"), "running"),
        EventName.WAITING: (lazy_gettext("Waiting for child jobs"), "running"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """A finished attempt; the template shows ``worker`` and the fields after it to operators only."""

    number: int
    outcome: str
    tone: str
    started_at: FormattedTime
    duration: str
    error: str
    worker: str
    location: str
    memory: str
    cpu: str
    traceback: str


def attempt_row(attempt: Attempt, context: ViewerContext) -> AttemptRow:
    """Describe a finished attempt."""
    outcome, tone = _OUTCOMES.get(attempt.outcome, (attempt.outcome.capitalize(), "waiting"))
    cpu = attempt.cpu_seconds
    return AttemptRow(
        number=attempt.number,
        outcome=str(outcome),
        tone=tone,
        started_at=context.time(attempt.started_at),
        duration=duration(attempt.finished_at - attempt.started_at),
        error=translated(attempt.error or ""),
        worker=attempt.worker,
        location=_("%(host)s, process %(pid)s", host=attempt.host, pid=attempt.pid),
        memory=size(attempt.peak_memory) if attempt.peak_memory else "",
        cpu=f"{decimal(cpu, 2)}\N{NO-BREAK SPACE}s" if cpu is not None else "",
        traceback=attempt.traceback or "",
    )
