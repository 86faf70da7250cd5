"""A group of errors as people read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from webapp.jobs.figures.groups import Group, State
from webapp.jobs.registry import Registry
from webapp.views.admin.spark import Spark, spark
from webapp.views.moments import Moment
from webapp.views.reader import Reader
from webapp.views.texts import gettext as _
from webapp.views.texts import lazy_gettext
from webapp.views.wording import Look
from webapp.views.written import translated

HOURS = 48
STATES: Mapping[str, str] = {
    State.OPEN: lazy_gettext("Open"),
    State.RESOLVED: lazy_gettext("Resolved"),
    State.IGNORED: lazy_gettext("Ignored"),
}
_LOOKS = {
    State.OPEN: ("failed", "alert-triangle"),
    State.RESOLVED: ("done", "check"),
    State.IGNORED: ("waiting", "clock"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRow:
    """What a list, or its own page, says of an error. ``message`` is empty for whom it is not meant."""

    fingerprint: str
    message: str
    closed: bool
    type_name: str
    type_title: str
    place: str
    look: Look
    state: str
    count: int
    users: int
    first: Moment
    last: Moment
    spark: Spark


def error_row(group: Group, hours: Mapping[datetime, int], reading: Reader, types: Registry) -> ErrorRow:
    """Describe a group; whoever may not start a type does not read what its jobs choked on."""
    closed = group.type in reading.closed_types
    tone, icon = _LOOKS[State(group.state)]
    return ErrorRow(
        fingerprint=group.fingerprint,
        message=_("What it says is for those who may start this kind of job.") if closed else translated(group.message),
        closed=closed,
        type_name=group.type,
        type_title=translated(types.get(group.type).title) if group.type in types else group.type,
        place="" if closed else group.place,
        look=Look(str(STATES[group.state]), tone, icon),
        state=group.state,
        count=group.count,
        users=group.users,
        first=reading.when(group.first_seen_at),
        last=reading.when(group.last_seen_at),
        spark=spark(hours, reading.now, HOURS),
    )
