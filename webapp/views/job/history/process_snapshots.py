"""Where a running job hangs, for operators: asks its worker, and shows what the worker answered.

A worker answers within about two seconds. Until then the page is polled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.jobs.execution.process_snapshots.snapshot_store import ProcessSnapshot, SnapshotRefused
from webapp.jobs.model.job import Job
from webapp.views.job.available_actions import permission_refusal
from webapp.views.page import polling
from webapp.views.page.audit_log import audited
from webapp.views.page.request import services, signed_in
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.date_format import FormattedTime, duration
from webapp.views.text.number_format import size
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext

bp = Blueprint("stack", __name__)
_POLL_SECONDS = 0.7
_STATES = {  # as psutil names them
    "running": lazy_gettext("computing"),
    "sleeping": lazy_gettext("waiting"),
    "disk-sleep": lazy_gettext("waiting for a disk or a network file system"),
    "stopped": lazy_gettext("paused by a signal"),
    "tracing-stop": lazy_gettext("paused by a debugger"),
    "zombie": lazy_gettext("ended"),
    "idle": lazy_gettext("waiting"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotView:
    """A snapshot as the page shows it; with a ``note`` instead of an answer, or beside what is known."""

    id: UUID
    title: str
    at: FormattedTime
    by: str
    location: str
    waits: bool
    note: str
    facts: tuple[tuple[str, str], ...]
    threads: tuple[tuple[str, str], ...]
    lists: tuple[tuple[str, tuple[str, ...]], ...]


@bp.get("/jobs/<uuid:job_id>/stack")
def show(job_id: UUID) -> ResponseReturnValue:
    """Show the snapshots of a job."""
    return render_template("job/stack.html", **_page(readable_job(job_id)))


@bp.get("/jobs/<uuid:job_id>/stack/_live")
def show_live(job_id: UUID) -> ResponseReturnValue:
    """Return the snapshots; polled while one is awaited."""
    return render_template("job/_snapshots.html", **_page(readable_job(job_id)))


@bp.post("/jobs/<uuid:job_id>/stack")
def take(job_id: UUID) -> ResponseReturnValue:
    """Ask the worker for a snapshot."""
    try:
        request_snapshot(job_id)
    except SnapshotRefused as refusal:
        page = _page(readable_job(job_id), refusal=translated(str(refusal)))
        return render_template("job/stack.html", **page), 409
    return redirect(url_for("stack.show", job_id=job_id), 303)


def request_snapshot(job_id: UUID) -> ProcessSnapshot:
    """Ask for a snapshot for the signed-in user; pages and the API call it. Raises `SnapshotRefused`."""
    context = viewer_context()
    job = services().queries.jobs.get_visible(context.viewer, job_id)
    if not context.may_open(job):
        abort(404)
    if refusal := permission_refusal("stack", job, context):
        abort(403, refusal)
    with audited(AuditAction.JOB_SNAPSHOT, AuditTarget.JOB, job.id, name=job.title):
        return services().process_snapshots.request(job, by=signed_in().id)


def readable_job(job_id: UUID) -> Job:
    """Return the job if the signed-in user can read where it hangs, as they can read tracebacks; 404 otherwise."""
    context = viewer_context()
    job = services().queries.jobs.get_visible(context.viewer, job_id)
    return job if context.may_open(job) and context.viewer.sees_all else abort(404)


def _page(job: Job, refusal: str = "") -> dict[str, Any]:
    snapshots = services().process_snapshots.of_job(job)
    context = viewer_context([snapshot.requested_by for snapshot in snapshots])
    shown = tuple(_view(snapshot, context) for snapshot in snapshots)
    return {
        "job": job,
        "snapshots": shown,
        "refusal": refusal,
        "may_take": context.operates and job.is_running and not job.record_only,
        "trigger": polling.trigger(_POLL_SECONDS) if any(view.waits for view in shown) else "",
    }


def _view(snapshot: ProcessSnapshot, context: ViewerContext) -> SnapshotView:
    content = snapshot.content
    threads = tuple((thread["name"], thread["stack"]) for thread in content.get("threads", ()))
    return SnapshotView(
        id=snapshot.id,
        title=_innermost(threads),
        at=context.when(snapshot.taken_at or snapshot.requested_at),
        by=context.name(snapshot.requested_by) if snapshot.requested_by else "",
        location=_("%(host)s, worker %(worker)s", host=snapshot.host, worker=snapshot.worker),
        waits=snapshot.is_awaited,
        note=translated(snapshot.note),
        facts=_facts(content),
        threads=threads,
        lists=_lists(content),
    )


def _innermost(threads: Sequence[tuple[str, str]]) -> str:
    """Return the line at which the handler is: that of its thread's last call."""
    places = [line.strip() for line in (threads[0][1] if threads else "").splitlines() if line.startswith("  File ")]
    return places[-1] if places else ""


def _facts(content: Any) -> tuple[tuple[str, str], ...]:
    if not content:
        return ()
    state = str(_STATES.get(content["state"], content["state"]))
    return (
        (_("Process"), f"{content['pid']}, {state}"),
        (_("Memory"), size(content["memory"])),
        (_("CPU time"), duration(timedelta(seconds=content["cpu_seconds"]))),
    )


def _lists(content: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    words = {"files": _("Open files"), "connections": _("Connections"), "children": _("Child processes")}
    return tuple((words[name], tuple(content.get(name, ()))) for name in words) if content else ()
