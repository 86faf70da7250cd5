"""A schedule and its runs, as pages show them.

What a page says of a schedule beside its times: label and text, in order.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from babel.lists import format_list
from flask_babel import get_locale

from webapp.jobs.model.job import Status
from webapp.jobs.schedules.misfires import MisfirePolicy
from webapp.jobs.schedules.run_history import RECENT_RUNS
from webapp.jobs.schedules.schedule import RunOutcome, Schedule, ScheduleRun
from webapp.views.page.viewer_context import ViewerContext
from webapp.views.schedules.preview import rule_text
from webapp.views.text import status_labels
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.status_labels import StatusLabel
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext

_LOOKS = {
    RunOutcome.BUSY: (lazy_gettext("Left out"), "attention", "hourglass"),
    RunOutcome.MISSED: (lazy_gettext("Missed"), "attention", "alert-circle"),
    RunOutcome.REFUSED: (lazy_gettext("Not started"), "failed", "alert-triangle"),
}
_SLOT = 8  # units of a strip's width per run
_HEIGHT = 20
_LOW, _HIGH = 12, 20  # what needs a look stands out by its height, too


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """One run: when it was due, how it stands, and its job, if that is still there."""

    due: FormattedTime
    look: StatusLabel
    job_id: UUID | None
    number: str
    by: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StripBar:
    """One run in a strip, drawn at ``x`` with its height."""

    x: int
    y: int
    height: int
    tone: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """The last runs of a schedule as a row of bars, the newest at the right; ``says`` is the same in words."""

    bars: tuple[StripBar, ...]
    says: str
    width: int = RECENT_RUNS * _SLOT
    height: int = _HEIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    """What a list says of a schedule. ``zone`` is the rule's; ``next`` is None while it is paused."""

    id: UUID
    name: str
    kind: str
    rule_text: str
    zone: str
    next: FormattedTime | None
    paused: bool
    paused_line: str
    paused_why: str
    last: RunLine | None
    strip: Strip


def schedule_row(schedule: Schedule, runs: Sequence[ScheduleRun], kind: str, reader: ViewerContext) -> ScheduleRow:
    """Describe a schedule; ``kind`` is the title of its job type, ``runs`` are the newest first."""
    lines = [run_line(run, reader) for run in runs]
    return ScheduleRow(
        id=schedule.id,
        name=schedule.name,
        kind=kind,
        rule_text=rule_text(schedule.rule),
        zone=schedule.rule.zone,
        next=reader.when(schedule.next_fire_at) if schedule.next_fire_at else None,
        paused=schedule.is_paused,
        paused_line=_paused(schedule, reader),
        paused_why=schedule.paused_why,
        last=lines[0] if lines else None,
        strip=_strip(lines),
    )


def run_line(run: ScheduleRun, reader: ViewerContext) -> RunLine:
    """Describe one run."""
    return RunLine(
        due=reader.when(run.fire_at),
        look=_look(run),
        job_id=run.job_id if run.status else None,
        number=str(run.job_id)[-8:] if run.job_id else "",
        by=reader.name(run.asked_by) if run.asked_by else "",
        detail=translated(run.detail),
    )


def _look(run: ScheduleRun) -> StatusLabel:
    if run.status:
        return status_labels.label_of(run.status)
    if run.outcome is RunOutcome.STARTED:
        return StatusLabel(_("Job removed"), "waiting", "unlink")
    word, tone, icon = _LOOKS[run.outcome]
    return StatusLabel(str(word), tone, icon)


def _paused(schedule: Schedule, reader: ViewerContext) -> str:
    if schedule.paused_at is None:
        return ""
    when = reader.when(schedule.paused_at).text
    if schedule.paused_by is None:
        return str(_("Paused %(when)s", when=when))
    return str(_("Paused %(when)s by %(who)s", when=when, who=reader.name(schedule.paused_by)))


def _strip(lines: Sequence[RunLine]) -> Strip:
    shown = lines[:RECENT_RUNS][::-1]
    first = RECENT_RUNS - len(shown)
    return Strip(bars=tuple(_bar(first + number, line) for number, line in enumerate(shown)), says=_says(shown))


def _bar(slot: int, line: RunLine) -> StripBar:
    usual = {status_labels.label_of(Status.COMPLETED).tone, "waiting", "running", "scheduled"}
    height = _LOW if line.look.tone in usual else _HIGH
    says = f"{line.due.text}: {line.look.word}"
    return StripBar(x=slot * _SLOT + 1, y=_HEIGHT - height, height=height, tone=line.look.tone, says=says)


def _says(shown: Sequence[RunLine]) -> str:
    if not shown:
        return str(_("No runs yet"))
    counts = Counter(line.look.word for line in shown).most_common()
    listed = format_list([f"{count} {word}" for word, count in counts], locale=get_locale())
    return str(_("The last %(count)s runs: %(listed)s", count=len(shown), listed=listed))


MISSED = {
    MisfirePolicy.ONCE: lazy_gettext("Run once for all of them"),
    MisfirePolicy.SKIP: lazy_gettext("Skip what is more than 5 minutes late"),
    MisfirePolicy.ALL: lazy_gettext("Run each of them, the last 100 at most"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFact:
    """A line of a description."""

    label: str
    text: str


def schedule_facts(schedule: Schedule, reader: ViewerContext) -> tuple[ScheduleFact, ...]:
    """Describe a schedule's choices."""
    return tuple(ScheduleFact(label=label, text=text) for label, text in _facts(schedule, reader))


def _facts(schedule: Schedule, reader: ViewerContext) -> Iterator[tuple[str, str]]:
    yield _("Rule"), schedule.rule.text
    yield _("Time zone"), schedule.rule.zone
    yield _("Missed times"), str(MISSED[schedule.missed])
    yield _("At the same time"), _("One job at a time") if schedule.one_at_a_time else _("Any number of jobs")
    yield _("Whose jobs"), owner(schedule, reader)
    if schedule.queue:
        yield _("Queue"), schedule.queue
    if schedule.priority is not None:
        yield _("Priority"), str(schedule.priority)
    yield _("Created"), _who(schedule.created_at, schedule.created_by, reader)
    if schedule.changed_at:
        yield _("Changed"), _who(schedule.changed_at, schedule.changed_by, reader)


def owner(schedule: Schedule, reader: ViewerContext) -> str:
    """Say whose jobs it makes, and who sees them."""
    if schedule.owner.user_id:
        return reader.name(schedule.owner.user_id)
    return str(
        _("The system; everyone sees them") if schedule.owner.public else _("The system; not everyone sees them")
    )


def _who(at: datetime, person: UUID | None, reader: ViewerContext) -> str:
    when = reader.when(at).text
    return str(_("%(when)s by %(who)s", when=when, who=reader.name(person))) if person else when
