"""Schedules and their runs as rows, strips of bars and facts for the pages. Pure."""

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
from webapp.views.charts.dots import Run
from webapp.views.page.viewer_context import ViewerContext
from webapp.views.schedules.preview import rule_text
from webapp.views.text import status_labels
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.status_labels import StatusLabel
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext

_LOOKS = {
    RunOutcome.BUSY: (lazy_gettext("Skipped"), "attention", "hourglass"),
    RunOutcome.MISSED: (lazy_gettext("Missed"), "attention", "alert-circle"),
    RunOutcome.REFUSED: (lazy_gettext("Not started"), "failed", "alert-triangle"),
}
_SLOT = 8  # width of a run in the strip
_HEIGHT = 20
_LOW, _HIGH = 12, 20  # problems are taller, so that color is not the only difference
MISSED = {
    MisfirePolicy.ONCE: lazy_gettext("Run once"),
    MisfirePolicy.SKIP: lazy_gettext("Skip runs that are more than 5 minutes late"),
    MisfirePolicy.ALL: lazy_gettext("Run all of them, at most the last 100"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """A run: when it was due, its result, and its job if that still exists."""

    due: FormattedTime
    look: StatusLabel
    job_id: UUID | None
    number: str
    by: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StripBar:
    """A run in the strip."""

    x: int
    y: int
    height: int
    tone: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """The recent runs of a schedule as bars, newest at the right; ``description`` is the same in words."""

    bars: tuple[StripBar, ...]
    description: str
    width: int = RECENT_RUNS * _SLOT
    height: int = _HEIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    """A row of the list; ``zone`` is that of the rule, ``next`` is None while the schedule is paused."""

    id: UUID
    name: str
    job_type: str
    owner: str
    rule_text: str
    zone: str
    next: FormattedTime | None
    paused: bool
    paused_line: str
    paused_why: str
    last: RunLine | None
    strip: Strip


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFact:
    """A label with its text."""

    label: str
    text: str


def schedule_row(schedule: Schedule, runs: Sequence[ScheduleRun], job_type: str, context: ViewerContext) -> ScheduleRow:
    """Describe a schedule; ``job_type`` is the title of its job type, ``runs`` come newest first."""
    lines = [run_line(run, context) for run in runs]
    return ScheduleRow(
        id=schedule.id,
        name=schedule.name,
        job_type=job_type,
        owner=context.label(schedule.owner.user_id),
        rule_text=rule_text(schedule.rule),
        zone=schedule.rule.zone,
        next=context.when(schedule.next_fire_at) if schedule.next_fire_at else None,
        paused=schedule.is_paused,
        paused_line=_paused(schedule, context),
        paused_why=schedule.paused_why,
        last=lines[0] if lines else None,
        strip=_strip(lines),
    )


def run_line(run: ScheduleRun, context: ViewerContext) -> RunLine:
    """Describe a run."""
    return RunLine(
        due=context.when(run.fire_at),
        look=_look(run),
        job_id=run.job_id if run.status else None,
        number=str(run.job_id)[-8:] if run.job_id else "",
        by=context.name(run.asked_by) if run.asked_by else "",
        detail=translated(run.detail),
    )


def schedule_dot(run: ScheduleRun, context: ViewerContext) -> Run:
    """Describe a run as a dot: at the time when it was due; one that started no job has no duration."""
    took = (run.finished_at or context.now) - run.started_at if run.started_at else None
    job_id = run.job_id if run.status else None
    return Run(at=run.fire_at, when=context.when(run.fire_at), took=took, look=_look(run), job_id=job_id)


def schedule_facts(schedule: Schedule, context: ViewerContext) -> tuple[ScheduleFact, ...]:
    """Describe the options of a schedule."""
    return tuple(ScheduleFact(label=label, text=text) for label, text in _facts(schedule, context))


def _look(run: ScheduleRun) -> StatusLabel:
    if run.status:
        return status_labels.label_of(run.status)
    if run.outcome is RunOutcome.STARTED:
        return StatusLabel(_("Job deleted"), "waiting", "unlink")
    word, tone, icon = _LOOKS[run.outcome]
    return StatusLabel(str(word), tone, icon)


def _paused(schedule: Schedule, context: ViewerContext) -> str:
    if schedule.paused_at is None:
        return ""
    when = context.when(schedule.paused_at).text
    if schedule.paused_by is None:
        return str(_("Paused %(when)s", when=when))
    return str(_("Paused %(when)s by %(who)s", when=when, who=context.name(schedule.paused_by)))


def _strip(lines: Sequence[RunLine]) -> Strip:
    shown = lines[:RECENT_RUNS][::-1]
    first = RECENT_RUNS - len(shown)
    return Strip(
        bars=tuple(_bar(first + number, line) for number, line in enumerate(shown)),
        description=_strip_description(shown),
    )


def _bar(slot: int, line: RunLine) -> StripBar:
    usual = {status_labels.label_of(Status.COMPLETED).tone, "waiting", "running", "scheduled"}
    height = _LOW if line.look.tone in usual else _HIGH
    description = f"{line.due.text}: {line.look.word}"
    return StripBar(x=slot * _SLOT + 1, y=_HEIGHT - height, height=height, tone=line.look.tone, description=description)


def _strip_description(shown: Sequence[RunLine]) -> str:
    if not shown:
        return str(_("No runs yet"))
    counts = Counter(line.look.word for line in shown).most_common()
    listed = format_list([f"{count} {word}" for word, count in counts], locale=get_locale())
    return str(_("The last %(count)s runs: %(listed)s", count=len(shown), listed=listed))


def _facts(schedule: Schedule, context: ViewerContext) -> Iterator[tuple[str, str]]:
    yield _("Rule"), schedule.rule.text
    yield _("Time zone"), schedule.rule.zone
    yield _("Missed runs"), str(MISSED[schedule.missed])
    yield _("Concurrency"), _("One job at a time") if schedule.one_at_a_time else _("Unlimited")
    yield _("Owner of the jobs"), _owner(schedule, context)
    if schedule.queue:
        yield _("Queue"), schedule.queue
    if schedule.priority is not None:
        yield _("Priority"), str(schedule.priority)
    if schedule.tags:
        yield _("Tags"), ", ".join(schedule.tags)
    yield _("Created"), _when_and_who(schedule.created_at, schedule.created_by, context)
    if schedule.changed_at:
        yield _("Edited"), _when_and_who(schedule.changed_at, schedule.changed_by, context)


def _owner(schedule: Schedule, context: ViewerContext) -> str:
    """Return the owner of its jobs and who can see them."""
    if schedule.owner.user_id:
        return context.label(schedule.owner.user_id)
    return str(
        _("The system; visible to all users")
        if schedule.owner.public
        else _("The system; visible to operators, auditors and admins")
    )


def _when_and_who(at: datetime, person: UUID | None, context: ViewerContext) -> str:
    when = context.when(at).text
    return str(_("%(when)s by %(who)s", when=when, who=context.name(person))) if person else when
