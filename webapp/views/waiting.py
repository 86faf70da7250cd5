"""What is said of a job that waits in its queue: its place, when it may start, and what holds the queue up."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from webapp.jobs.prospects import PLACES
from webapp.views.locales import number
from webapp.views.moments import at_most, moment, rough
from webapp.views.texts import gettext as _
from webapp.views.wording import ordinal


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Who paused a queue, since when, and why; ``reason`` may be empty."""

    by: str
    since: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is known of the queue in which a job waits. ``None`` is "not known"."""

    place: int | None = None
    workers: int | None = None
    starts_within: timedelta | None = None
    pause: Pause | None = None


def told(queue: Outlook | None, now: datetime, zone: ZoneInfo, usual: timedelta | None) -> tuple[str, str]:
    """Return how the job stands, and what to expect; the second may be empty."""
    known = queue or Outlook()
    if known.pause:
        return _paused(known.pause, now, zone), _("It starts by itself when the queue goes on.")
    if known.workers == 0:
        fact = _("No worker is running for this kind of job.")
        return fact, _("It waits, and starts by itself as soon as one runs.")
    if known.starts_within is not None:
        return _place(known.place), _("Usually starts within %(period)s.", period=at_most(known.starts_within))
    return _place(known.place), _("Usually it takes %(period)s once it runs.", period=rough(usual)) if usual else ""


def _paused(pause: Pause, now: datetime, zone: ZoneInfo) -> str:
    since = moment(pause.since, now, zone).text
    if pause.reason:
        reason = pause.reason.rstrip(".")
        return _("Queue paused by %(person)s, %(since)s: %(reason)s.", person=pause.by, since=since, reason=reason)
    return _("Queue paused by %(person)s, %(since)s.", person=pause.by, since=since)


def _place(place: int | None) -> str:
    if place is None:
        return _("It waits for a worker.")
    if place > PLACES:
        return _("More than %(count)s jobs are ahead of it.", count=number(PLACES))
    return _("Next in the queue.") if place == 1 else _("%(place)s in the queue.", place=ordinal(place))
