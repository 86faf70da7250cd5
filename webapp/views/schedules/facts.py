"""What a page says of a schedule beside its times: label and text, in order."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from webapp.jobs.schedules.plan import Missed
from webapp.jobs.schedules.schedule import Schedule
from webapp.views.reader import Reader
from webapp.views.texts import gettext as _
from webapp.views.texts import lazy_gettext

MISSED = {
    Missed.ONCE: lazy_gettext("Run once for all of them"),
    Missed.SKIP: lazy_gettext("Skip what is more than 5 minutes late"),
    Missed.ALL: lazy_gettext("Run each of them, the last 100 at most"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A line of a description."""

    label: str
    text: str


def facts(schedule: Schedule, reader: Reader) -> tuple[Fact, ...]:
    """Describe a schedule's choices."""
    return tuple(Fact(label=label, text=text) for label, text in _facts(schedule, reader))


def _facts(schedule: Schedule, reader: Reader) -> Iterator[tuple[str, str]]:
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


def owner(schedule: Schedule, reader: Reader) -> str:
    """Say whose jobs it makes, and who sees them."""
    if schedule.owner.user_id:
        return reader.name(schedule.owner.user_id)
    return str(
        _("The system; everyone sees them") if schedule.owner.public else _("The system; not everyone sees them")
    )


def _who(at: datetime, person: UUID | None, reader: Reader) -> str:
    when = reader.when(at).text
    return str(_("%(when)s by %(who)s", when=when, who=reader.name(person))) if person else when
