"""How the job types perform: how often they run and fail, how long they run and wait."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp.accounts.permissions import Right
from webapp.jobs.metrics.attempt_stats import AttemptStats
from webapp.jobs.metrics.histogram import DurationHistogram
from webapp.views.page.permissions import require_for_all
from webapp.views.page.request import services
from webapp.views.page.viewer_context import viewer_context
from webapp.views.text.date_format import duration
from webapp.views.text.translations import lazy_gettext

bp = Blueprint("performance", __name__)
require_for_all(bp, Right.SEE_INSTALLATION)
SHARES = (0.5, 0.95, 0.99)
RANGES: Mapping[str, tuple[str, timedelta]] = {
    "1h": (lazy_gettext("1 hour"), timedelta(hours=1)),
    "24h": (lazy_gettext("24 hours"), timedelta(days=1)),
    "7d": (lazy_gettext("7 days"), timedelta(days=7)),
    "30d": (lazy_gettext("30 days"), timedelta(days=30)),
}
_USUAL = "24h"


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """Durations in words, one per share; of ``few`` samples they say little."""

    words: tuple[str, ...]
    samples: int
    few: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TypePerformance:
    """One job type in the range."""

    type_name: str
    title: str
    runs: int
    failures: int
    share: float
    ran: Percentiles
    waited: Percentiles


@bp.get("/admin/performance")
def index() -> ResponseReturnValue:
    """Compare the job types; whole hours, so that their sums are known."""
    asked = request.args.get("range", "")
    chosen = asked if asked in RANGES else _USUAL
    reading = viewer_context()
    since = _range_start(reading.now, RANGES[chosen][1])
    return render_template(
        "admin/performance/index.html",
        rows=[_type_performance(went) for went in services().metrics.attempt_stats(since)],
        ranges={name: words for name, (words, _) in RANGES.items()},
        chosen=chosen,
        since=reading.when(since),
        zone=reading.zone.key,
        shares=[f"p{100 * share:.0f}" for share in SHARES],
    )


def _range_start(now: datetime, period: timedelta) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0) - period


def _type_performance(went: AttemptStats) -> TypePerformance:
    registry = services().registry
    return TypePerformance(
        type_name=went.type_name,
        title=registry.get(went.type_name).title if went.type_name in registry else went.type_name,
        runs=went.runs,
        failures=went.failures,
        share=went.failure_percent,
        ran=_percentiles(went.run_times),
        waited=_percentiles(went.wait_times),
    )


def _percentiles(durations: DurationHistogram) -> Percentiles:
    found = [durations.percentile(share) for share in SHARES]
    words = tuple("" if period is None else duration(period) for period in found)
    return Percentiles(words=words, samples=durations.samples, few=durations.is_small_sample)
