"""The period that charts show: one choice for all pages, in the argument ``range`` of their URLs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from flask import request

from webapp.views.charts.time_bins import TimeBins
from webapp.views.page.viewer_context import ViewerContext
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.translations import lazy_gettext

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A period to choose, and the length of a bar in its charts."""

    label: str
    length: timedelta
    step: timedelta


PERIODS: Mapping[str, Period] = MappingProxyType(
    {
        "1h": Period(label=lazy_gettext("1 hour"), length=_HOUR, step=_HOUR),
        "24h": Period(label=lazy_gettext("24 hours"), length=_DAY, step=_HOUR),
        "7d": Period(label=lazy_gettext("7 days"), length=7 * _DAY, step=6 * _HOUR),
        "30d": Period(label=lazy_gettext("30 days"), length=30 * _DAY, step=_DAY),
        "90d": Period(label=lazy_gettext("90 days"), length=90 * _DAY, step=_DAY),
    }
)
DEFAULT = "24h"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRange:
    """The chosen period: its bins, and when it begins."""

    chosen: str
    bins: TimeBins
    since: FormattedTime
    zone: str

    @property
    def start(self) -> datetime:
        """The start of the first hour that counts."""
        return self.bins.starts[0]


def chosen_range(context: ViewerContext, default: str = DEFAULT) -> TimeRange:
    """Return the period that the URL names."""
    wanted = request.args.get("range", "")
    chosen = wanted if wanted in PERIODS else default
    period = PERIODS[chosen]
    bins = TimeBins.until(context.now, period.length, period.step, context.zone)
    return TimeRange(chosen=chosen, bins=bins, since=context.when(bins.starts[0]), zone=context.zone.key)
