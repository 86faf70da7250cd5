"""The list of all users' jobs for operators, with more filters than a user's own list, and its CSV export."""

from collections.abc import Iterator
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.permissions import Right
from webapp.jobs.model.job import Job, Status
from webapp.jobs.queries.criteria import JobCriteria
from webapp.views.job_list.admin_filter import AdminJobFilter
from webapp.views.job_list.filter import count_ended, parse_filter
from webapp.views.job_list.index import list_context, poll_list
from webapp.views.job_list.list_page import JobList, load_job_list
from webapp.views.page.audit_log import record_download
from webapp.views.page.permissions import require_for_all
from webapp.views.page.request import services, viewer
from webapp.views.page.responses import csv_response
from webapp.views.page.user_shares import shared
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.number_format import number
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import lazy_gettext

bp = Blueprint("admin_jobs", __name__)
require_for_all(bp, Right.SEE_INSTALLATION)
_COLUMNS = (
    *("id", "type", "title", "status", "queue", "owner", "triggered_by", "created_at", "started_at", "finished_at"),
    *("attempt", "progress", "message", "error"),
)
_BATCH = 500
_STATUSES = {  # statuses that share a tab with another one
    Status.QUEUED: lazy_gettext("Waiting for a worker"),
    Status.HELD: lazy_gettext("Preparing"),
    Status.RUNNING: lazy_gettext("Running"),
    Status.WAITING: lazy_gettext("Waiting for child jobs"),
    Status.FAILED: lazy_gettext("Failed"),
    Status.STALE: lazy_gettext("Lost"),
}


@bp.get("/admin/jobs")
def index() -> ResponseReturnValue:
    """List the jobs of all users."""
    filter_ = AdminJobFilter.of(request.args)
    parsed = parse_filter(filter_)
    found = load_job_list(services(), parsed)
    return render_template(
        "admin/jobs/index.html",
        types=sorted(services().registry, key=lambda job_type: translated(job_type.title)),
        statuses=_STATUSES,
        queues=[queue.name for queue in services().queues.all()],
        total=_total(filter_, parsed.criteria, found),
        **list_context(found),
    )


@bp.get("/admin/jobs/_live")
def live() -> ResponseReturnValue:
    """Answer a poll of the list; 304 if nothing changed."""
    return poll_list(parse_filter(AdminJobFilter.of(request.args)))


@bp.get("/admin/jobs.csv")
def export() -> ResponseReturnValue:
    """Download all jobs that match the filter as CSV, newest first."""
    filter_ = AdminJobFilter.of(request.args)
    response = shared(csv_response("jobs.csv", _COLUMNS, _rows(filter_)))
    return record_download(response, AuditAction.JOBS_EXPORT, AuditTarget.JOBS, after=filter_.arguments())


def _total(filter_: AdminJobFilter, criteria: JobCriteria, found: JobList) -> str:
    """Return how many jobs match: exactly if the metrics count them or all are on the page."""
    if filter_.has_exact_count:
        return number(count_ended(criteria))
    shown = len(found.rows) + len(found.cards)
    return found.match_count if found.has_more else number(shown)


def _rows(filter_: AdminJobFilter) -> Iterator[list[object]]:
    criteria = parse_filter(filter_).criteria
    before: UUID | None = None
    while True:
        found = services().queries.lists.find(viewer(), criteria, before=before, limit=_BATCH)
        context = viewer_context(user_id for job in found.jobs for user_id in (job.owner.user_id, job.triggered_by))
        for job in found.jobs:
            yield _row(job, context)
        before = found.jobs[-1].id if len(found.jobs) == _BATCH else found.scanned_to
        if before is None:
            return


def _row(job: Job, context: ViewerContext) -> list[object]:
    texts = (job.message, job.errors[-1]["text"] if job.errors else "") if context.may_open(job) else ("", "")
    times = (job.created_at, job.started_at, job.finished_at)
    users = [context.names.get(user_id, "") if user_id else "" for user_id in (job.owner.user_id, job.triggered_by)]
    return [
        *(job.id, job.type, job.title, job.status.value, job.queue, *users),
        *(at.isoformat() if at else "" for at in times),
        *(job.attempt_number, job.progress, *texts),
    ]
