"""The admin overview: health problems, counts of the last 24 hours, a chart, latest failures and running jobs."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from webapp.accounts.permissions import Right
from webapp.jobs.model.job import Job
from webapp.jobs.model.progress import UNKNOWN_RUN
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
_POLL_SECONDS = 5.0
_JOBS_SHOWN = 5
_RECENT = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCount:
    """A number of jobs; with ``more`` it is a lower bound."""

    count: int
    more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What the page shows. Its 24 hours begin at ``since``; ``p95`` and ``oldest`` are empty without jobs.

    ``outside`` are those of the running jobs whose work is done outside Deskjob.
    ``stoppable`` are the running jobs that nobody has stopped yet.
    """

    problems: tuple[Problem, ...]
    checked: FormattedTime
    since: FormattedTime
    failed: int
    errors: int
    running: JobCount
    outside: int
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
    stoppable: frozenset[UUID]


@bp.get("/admin")
def index() -> ResponseReturnValue:
    """Show the overview."""
    return render_template("admin/index.html", **_page())


@bp.get("/admin/_live")
def live() -> ResponseReturnValue:
    """Answer a poll with the parts of the page that change; 304 if nothing did."""
    return poll_response("admin/_live.html", _page())


def load_overview(services: Services) -> Overview:
    """Read everything that the overview shows, once."""
    health = services.health_check.take_snapshot()
    since = charts.chart_start(health.at)
    uncounted_until = services.metrics.uncounted_until(since)
    counts = services.metrics.count_ended_by_hour(since, uncounted_until)
    durations = services.metrics.run_times(since)
    p95 = durations.percentile(0.95)
    failures, runs = services.health_check.failed(_JOBS_SHOWN), services.health_check.running(_JOBS_SHOWN)
    context = viewer_context(user_id for job in (*failures, *runs) for user_id in (job.owner.user_id, job.triggered_by))
    return Overview(
        problems=find_problems(
            health, _recent_outcomes(counts, health.at), counts_are_late=uncounted_until is not None
        ),
        checked=_checked_at(health.at, context),
        since=context.when(since),
        failed=charts.count_ended(counts, "failed"),
        errors=services.metrics.errors.count(since=since),
        running=_job_count(health.running),
        outside=health.running_outside,
        workers=len(health.workers),
        waiting=_job_count(health.waiting),
        oldest=_longest_wait(health),
        done=charts.count_ended(counts, "done"),
        p95=duration(p95) if p95 is not None else "",
        samples=durations.samples,
        few=durations.is_small_sample,
        chart=charts.build_chart(counts, health.at, context.zone),
        failures=_rows(services, failures, context),
        runs=_rows(services, runs, context),
        stoppable=frozenset(job.id for job in runs if job.cancel_requested_at is None),
    )


def _page() -> dict[str, Any]:
    overview = load_overview(services())
    return {"overview": overview, "outcome_labels": charts.outcome_labels(), **polling_context(overview, _POLL_SECONDS)}


def _recent_outcomes(counts: charts.Counts, now: datetime) -> RecentOutcomes:
    recent = {key: count for key, count in counts.items() if key[0] >= now - _RECENT}
    failed = charts.count_ended(recent, "failed")
    return RecentOutcomes(ended=failed + charts.count_ended(recent, "done"), failed=failed)


def _checked_at(at: datetime, context: ViewerContext) -> FormattedTime:
    """Return the minute of the check; with seconds, every poll would send the page again."""
    minute = at.replace(second=0, microsecond=0)
    return replace(context.time(minute), text=f"{minute.astimezone(context.zone):%H:%M}")


def _job_count(count: int) -> JobCount:
    return JobCount(count=count, more=count >= COUNT_CEILING)


def _longest_wait(health: HealthSnapshot) -> str:
    return rough_duration(health.longest_wait.waited) if health.longest_wait else ""


def _rows(services: Services, jobs: tuple[Job, ...], context: ViewerContext) -> tuple[JobRow, ...]:
    running = {job.type for job in jobs if job.is_running}
    usual = {type_name: services.queries.estimates.usual_run(type_name) for type_name in running}
    return tuple(job_row(job, (), context, run=usual.get(job.type, UNKNOWN_RUN)) for job in jobs)
