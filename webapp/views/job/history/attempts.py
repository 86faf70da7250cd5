"""The finished attempts of a job: outcome, error, duration; for operators also worker, memory and traceback."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from webapp.jobs.model.job import UNCOUNTED, EventName
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
        EventName.RETRY_LATER: (lazy_gettext("Will run again"), "attention"),
        EventName.ASKED: (lazy_gettext("Asked a question"), "attention"),
        EventName.POSTPONED: (lazy_gettext("Postponed"), "attention"),
        EventName.WAITING: (lazy_gettext("Waiting for child jobs"), "running"),
    }
)
SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """A finished attempt; the template shows ``worker`` and the fields after it to operators only.

    ``number`` counts as users do; ``start`` is unique. ``slices`` is 1 for an attempt in one piece.
    """

    number: int
    start: int
    slices: int
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


def attempt_rows(attempts: Sequence[Attempt], context: ViewerContext) -> tuple[AttemptRow, ...]:
    """Describe the last `SHOWN` finished attempts of a job, oldest first; the slices of an attempt are one row."""
    groups: list[tuple[int, list[Attempt]]] = []
    number, slices = 1, list[Attempt]()
    for attempt in attempts:
        slices.append(attempt)
        if attempt.outcome == EventName.CONTINUED and attempt is not attempts[-1]:
            continue
        groups.append((number, slices))
        number, slices = number + (attempt.outcome not in UNCOUNTED), []
    return tuple(_attempt_row(number, slices, context) for number, slices in groups[-SHOWN:])


def _attempt_row(number: int, slices: Sequence[Attempt], context: ViewerContext) -> AttemptRow:
    attempt, started_at = slices[-1], slices[0].started_at
    outcome, tone = _OUTCOMES.get(attempt.outcome, (attempt.outcome.capitalize(), "waiting"))
    cpu = sum(used) if (used := [each.cpu_seconds for each in slices if each.cpu_seconds is not None]) else None
    memory = max(each.peak_memory or 0 for each in slices)
    return AttemptRow(
        number=number,
        start=attempt.number,
        slices=len(slices),
        outcome=str(outcome),
        tone=tone,
        started_at=context.time(started_at),
        duration=duration(attempt.finished_at - started_at),
        error=translated(attempt.error or ""),
        worker=attempt.worker,
        location=_("%(host)s, process %(pid)s", host=attempt.host, pid=attempt.pid),
        memory=size(memory) if memory else "",
        cpu=f"{decimal(cpu, 2)}\N{NO-BREAK SPACE}s" if cpu is not None else "",
        traceback=attempt.traceback or "",
    )
