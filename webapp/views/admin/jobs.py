"""Everybody's jobs: the list that those work with who run an installation."""

from collections.abc import Iterator
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.permissions import Right
from webapp.jobs.model.job import Job, Status
from webapp.views.job_list.admin_filter import AdminJobFilter, parse_moment
from webapp.views.job_list.filter import parse_filter
from webapp.views.job_list.index import answer_again, list_words
from webapp.views.job_list.list_page import JobList, load_job_list
from webapp.views.page.audit_log import record_audit
from webapp.views.page.permissions import require_for_all
from webapp.views.page.request import services, viewer
from webapp.views.page.responses import csv_response
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
# of the tabs that show more than one
_STATUSES = {
    Status.QUEUED: lazy_gettext("Waiting for a worker"),
    Status.HELD: lazy_gettext("Preparing"),
    Status.RUNNING: lazy_gettext("Running"),
    Status.WAITING: lazy_gettext("Waiting for child jobs"),
    Status.FAILED: lazy_gettext("Failed"),
    Status.STALE: lazy_gettext("Lost"),
}


@bp.get("/admin/jobs")
def index() -> ResponseReturnValue:
    """List everybody's jobs."""
    given = AdminJobFilter.of(request.args)
    found = load_job_list(services(), parse_filter(given))
    return render_template(
        "admin/jobs/index.html",
        types=sorted(services().registry, key=lambda kind: translated(kind.title)),
        statuses=_STATUSES,
        queues=[queue.name for queue in services().queues.all()],
        total=_total(given, found),
        ended=_ended(given),
        **list_words(found),
    )


@bp.get("/admin/jobs/_live")
def live() -> ResponseReturnValue:
    """Answer how the jobs stand that the page shows, and what is new; 304 if nothing is."""
    return answer_again(parse_filter(AdminJobFilter.of(request.args)))


@bp.get("/admin/jobs.csv")
def export() -> ResponseReturnValue:
    """Send all jobs that the filter lets through, newest first."""
    given = AdminJobFilter.of(request.args)
    record_audit(AuditAction.JOBS_EXPORT, AuditTarget.JOBS, after=given.arguments())
    return csv_response("jobs.csv", _COLUMNS, _rows(given))


def _total(given: AdminJobFilter, found: JobList) -> str:
    """Say how many jobs match: exactly where the figures know, and where they are all on the page."""
    if given.has_exact_count:
        return number(given.count_ended())
    shown = len(found.rows) + len(found.cards)
    return found.match_count if found.has_more else number(shown)


def _ended(given: AdminJobFilter) -> dict[str, str]:
    """Say the bounds of when jobs ended, in the reader's zone."""
    zone = viewer_context().zone
    bounds = {"since": parse_moment(given.ended_since), "until": parse_moment(given.ended_until)}
    said = {name: f"{at.astimezone(zone):%Y-%m-%d %H:%M}" if at else "" for name, at in bounds.items()}
    return {**said, "zone": zone.key}


def _rows(given: AdminJobFilter) -> Iterator[list[object]]:
    wanted = parse_filter(given).criteria
    before: UUID | None = None
    while True:
        found = services().queries.lists.find(viewer(), wanted, before=before, limit=_BATCH)
        people = viewer_context(person for job in found.jobs for person in (job.owner.user_id, job.triggered_by))
        for job in found.jobs:
            yield _row(job, people)
        before = found.jobs[-1].id if len(found.jobs) == _BATCH else found.scanned_to
        if before is None:
            return


def _row(job: Job, people: ViewerContext) -> list[object]:
    said = (job.message, job.errors[-1]["text"] if job.errors else "") if people.may_open(job) else ("", "")
    times = (job.created_at, job.started_at, job.finished_at)
    owners = [people.names.get(person, "") if person else "" for person in (job.owner.user_id, job.triggered_by)]
    return [
        *(job.id, job.type, job.title, job.status.value, job.queue, *owners),
        *(at.isoformat() if at else "" for at in times),
        *(job.attempt, job.progress, *said),
    ]
