"""Rates in words: "100 per hour of this type"."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType

from webapp.jobs.model.rate import CountedBy, Rate
from webapp.views.text.date_format import duration
from webapp.views.text.number_format import number
from webapp.views.text.translations import gettext as _

_PER_PERIOD: Mapping[timedelta, Callable[[str], str]] = MappingProxyType(
    {
        timedelta(seconds=1): lambda count: _("%(count)s per second", count=count),
        timedelta(minutes=1): lambda count: _("%(count)s per minute", count=count),
        timedelta(hours=1): lambda count: _("%(count)s per hour", count=count),
        timedelta(days=1): lambda count: _("%(count)s per day", count=count),
    }
)


def rate_words(rate: Rate) -> str:
    """Return how many jobs can start, and what is counted."""
    most = _most(rate)
    if rate.counted_by is CountedBy.OWNER:
        return _("%(most)s of this type for each owner", most=most)
    if rate.counted_by is CountedBy.KEY:
        return _("%(most)s of this type with the same key", most=most)
    return _("%(most)s of this type", most=most)


def rate_use(rate: Rate, starts: int) -> str:
    """Return how much of a rate is used now: "37 of 100 in the last hour"."""
    count, most = number(starts), number(rate.starts)
    if rate.period == timedelta(hours=1):
        return _("%(count)s of %(most)s in the last hour", count=count, most=most)
    return _("%(count)s of %(most)s in the last %(period)s", count=count, most=most, period=duration(rate.period))


def _most(rate: Rate) -> str:
    count, per_period = number(rate.starts), _PER_PERIOD.get(rate.period)
    if per_period is not None:
        return per_period(count)
    return _("%(count)s in %(period)s", count=count, period=duration(rate.period))
