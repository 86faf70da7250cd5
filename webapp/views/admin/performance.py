"""Performance by job type: number of runs, share of failures, run times and wait times."""

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
PERCENTILES = (0.5, 0.95, 0.99)
RANGES: Mapping[str, tuple[str, timedelta]] = {
    "1h": (lazy_gettext("1 hour"), timedelta(hours=1)),
    "24h": (lazy_gettext("24 hours"), timedelta(days=1)),
    "7d": (lazy_gettext("7 days"), timedelta(days=7)),
    "30d": (lazy_gettext("30 days"), timedelta(days=30)),
}
_DEFAULT_RANGE = "24h"


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """Formatted durations, one per percentile; empty without samples, unreliable with ``few``."""

    texts: tuple[str, ...]
    samples: int
    few: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TypePerformance:
    """The runs of one job type in the period."""

    type_name: str
    title: str
    runs: int
    failures: int
    share: float
    ran: Percentiles
    waited: Percentiles


@bp.get("/admin/performance")
def index() -> ResponseReturnValue:
    """Compare job types over a period of whole hours, because runs are counted per hour."""
    wanted = request.args.get("range", "")
    chosen = wanted if wanted in RANGES else _DEFAULT_RANGE
    context = viewer_context()
    since = _range_start(context.now, RANGES[chosen][1])
    return render_template(
        "admin/performance/index.html",
        rows=[_type_performance(stats) for stats in services().metrics.attempt_stats(since)],
        ranges={name: label for name, (label, _) in RANGES.items()},
        chosen=chosen,
        since=context.when(since),
        zone=context.zone.key,
        shares=[f"p{100 * share:.0f}" for share in PERCENTILES],
    )


def _range_start(now: datetime, period: timedelta) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0) - period


def _type_performance(stats: AttemptStats) -> TypePerformance:
    registry = services().registry
    return TypePerformance(
        type_name=stats.type_name,
        title=registry.get(stats.type_name).title if stats.type_name in registry else stats.type_name,
        runs=stats.runs,
        failures=stats.failures,
        share=stats.failure_percent,
        ran=_percentiles(stats.run_times),
        waited=_percentiles(stats.wait_times),
    )


def _percentiles(durations: DurationHistogram) -> Percentiles:
    periods = [durations.percentile(share) for share in PERCENTILES]
    texts = tuple("" if period is None else duration(period) for period in periods)
    return Percentiles(texts=texts, samples=durations.samples, few=durations.is_small_sample)
