"""The first page of an installation: is all well, what fails, what runs, what waits.

What the first page of an installation shows: asks the services, and describes what they say.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from webapp.accounts.permissions import Right
from webapp.jobs.model.job import Job
from webapp.jobs.monitoring.snapshot import HealthSnapshot
from webapp.jobs.queries.visible_jobs import COUNT_CEILING
from webapp.services import Services
from webapp.views.admin import charts
from webapp.views.admin.charts import Chart
from webapp.views.admin.problems import Problem, RecentOutcomes, find_problems
from webapp.views.job_list.row import JobRow, job_row
from webapp.views.page.permissions import require_for_all
from webapp.views.page.polling import poll_response, polling_context
from webapp.views.page.request import services
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.date_format import FormattedTime, duration, rough_duration

bp = Blueprint("admin", __name__)
require_for_all(bp, Right.SEE_INSTALLATION)
_SECONDS = 5.0


@bp.get("/admin")
def index() -> ResponseReturnValue:
    """Show how the installation is."""
    return render_template("admin/index.html", **_page())


@bp.get("/admin/_live")
def live() -> ResponseReturnValue:
    """Answer what changes on the page; 304 if nothing did."""
    return poll_response("admin/_live.html", _page())


def _page() -> dict[str, Any]:
    overview = load_overview(services())
    return {"overview": overview, "outcome_labels": charts.outcome_labels(), **polling_context(overview, _SECONDS)}


_ROWS = 5
_RECENT = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCount:
    """A number that leads to what it counts; ``more`` says that the count stopped there."""

    count: int
    more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The page. ``since`` is where its 24 hours begin; percentiles are empty without samples."""

    problems: tuple[Problem, ...]
    checked: FormattedTime
    since: FormattedTime
    failed: int
    errors: int
    running: JobCount
    workers: int
    waiting: JobCount
    oldest: str
    done: int
    p95: str
    samples: int
    few: bool
    chart: Chart
    failures: tuple[JobRow, ...]
    runs: tuple[JobRow, ...]


def load_overview(services: Services) -> Overview:
    """Look at the installation once."""
    found = services.health_check.take_snapshot()
    since = charts.chart_start(found.at)
    counts = services.metrics.count_ended_by_hour(since)
    durations = services.metrics.run_times(since)
    p95 = durations.percentile(0.95)
    failures, runs = services.health_check.failed(_ROWS), services.health_check.running(_ROWS)
    people = viewer_context(person for job in (*failures, *runs) for person in (job.owner.user_id, job.triggered_by))
    return Overview(
        problems=find_problems(found, _recent_outcomes(counts, found.at)),
        checked=_checked(found.at, people),
        since=people.when(since),
        failed=charts.count_ended(counts, "failed"),
        errors=services.metrics.errors.count(since=since),
        running=_job_count(found.running),
        workers=len(found.workers),
        waiting=_job_count(found.waiting),
        oldest=_oldest(found),
        done=charts.count_ended(counts, "done"),
        p95=duration(p95) if p95 is not None else "",
        samples=durations.samples,
        few=durations.is_small_sample,
        chart=charts.build_chart(counts, found.at, people.zone),
        failures=_rows(services, failures, people),
        runs=_rows(services, runs, people),
    )


def _recent_outcomes(counts: charts.Counts, now: datetime) -> RecentOutcomes:
    recent = {key: count for key, count in counts.items() if key[0] >= now - 2 * _RECENT}
    failed = charts.count_ended(recent, "failed")
    return RecentOutcomes(ended=failed + charts.count_ended(recent, "done"), failed=failed)


def _checked(at: datetime, people: ViewerContext) -> FormattedTime:
    """Say the minute: the page is not sent again for a second."""
    minute = at.replace(second=0, microsecond=0)
    return replace(people.time(minute), text=f"{minute.astimezone(people.zone):%H:%M}")


def _job_count(count: int) -> JobCount:
    return JobCount(count=count, more=count >= COUNT_CEILING)


def _oldest(found: HealthSnapshot) -> str:
    return rough_duration(found.longest_wait.waited) if found.longest_wait else ""


def _rows(services: Services, shown: tuple[Job, ...], people: ViewerContext) -> tuple[JobRow, ...]:
    running = {job.type for job in shown if job.is_running}
    usual = {kind: services.queries.estimates.usual_duration(kind) for kind in running}
    return tuple(job_row(job, (), people, usual=usual.get(job.type)) for job in shown)
