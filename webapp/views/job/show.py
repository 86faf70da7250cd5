"""The page of one job, the fragments that its polls fetch, and the page of one long parameter.

The routes belong to the blueprint of the list, so that their endpoints are `jobs.show` and `jobs.show_live`.
"""

from typing import Any
from uuid import UUID

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import get_locale

from webapp.accounts.permissions import Right
from webapp.jobs.model.job import Job, Status
from webapp.jobs.queries.polled_state import PolledJob
from webapp.jobs.store.job_store import JobNotFound
from webapp.views.job import page
from webapp.views.job.log import LogFilter, job_log
from webapp.views.job.parameters import JobParameter, metadata_parameters, parameters
from webapp.views.job_list import index
from webapp.views.page import polling
from webapp.views.page.assets import template_version
from webapp.views.page.permissions import may
from webapp.views.page.request import services, viewer
from webapp.views.page.responses import text_response
from webapp.views.page.topbar import LISTED, mark_failures_seen, toasts, topbar
from webapp.views.page.viewer_context import ViewerContext, viewer_context

bp = index.bp
parameter_bp = Blueprint("parameters", __name__)


@bp.get("/jobs/<uuid:job_id>")
def show(job_id: UUID) -> ResponseReturnValue:
    """Show one job."""
    polled = _poll(job_id)
    job, tag = polled.job, _tag(polled)  # before everything else: an outdated tag only costs one more poll
    mark_failures_seen([job])
    context = _viewer_context(job)
    is_own, sees_schedules = job.owner.user_id == context.viewer.user_id, may(Right.SEE_INSTALLATION)
    return render_template(
        "job/show.html",
        job=job,
        types=services().registry,
        parameters=visible_parameters(job, context),
        metadata=metadata_parameters(job.metadata) if context.may_open(job) else (),
        schedule=services().run_history.schedule_of(job.id) if is_own or sees_schedules else None,
        schedule_page="schedules.show" if sees_schedules else "my_schedules.show",
        **_page_context(job, context, tag),
        log=job_log(services(), job, context, LogFilter.of(request.args)),
    )


@bp.get("/jobs/<uuid:job_id>/_live")
def show_live(job_id: UUID) -> ResponseReturnValue:
    """Return the parts of the page that change; 304 if nothing changed. A finished job is no longer polled."""
    try:
        polled = _poll(job_id)
    except JobNotFound:
        return _removed("job/_removed.html")
    job, tag = polled.job, _tag(polled)
    mark_failures_seen([job])
    unchanged = None if job.is_finished else polling.unchanged(tag)
    if unchanged:
        return unchanged
    new_toasts = toasts(request.args.get("heard", 0, int), ran="ran" in request.args) if polling.is_poll() else ()
    others = tuple(toast for toast in new_toasts if toast.job_id != job.id)  # the page itself shows this job
    answer = render_template(
        "job/show_live.html", job=job, toasts=others, **_page_context(job, _viewer_context(job), tag)
    )
    return answer, {polling.TAG_HEADER: tag}


@bp.get("/jobs/<uuid:job_id>/_log")
def log_lines(job_id: UUID) -> ResponseReturnValue:
    """Return the log lines after line ``after``; 204 while there are none."""
    log_filter = LogFilter.of({"after": "0", **request.args})
    try:
        if not services().queries.polled.log_has_changed(viewer(), job_id, log_filter.after or 0):
            return "", 204
        job = services().queries.jobs.get_visible(viewer(), job_id)
    except JobNotFound:
        return _removed("job/_log_removed.html")
    log = job_log(services(), job, viewer_context(), log_filter)
    if log.trigger and not log.lines:
        return "", 204
    return render_template("job/log_live.html", job=job, log=log)


def visible_parameters(job: Job, context: ViewerContext) -> tuple[JobParameter, ...]:
    """Return the parameters; none if the viewer cannot open the job or its type is not installed."""
    registry = services().registry
    if job.type not in registry or not context.may_open(job):
        return ()
    return parameters(registry.get(job.type).payload_class, job.payload, context.zone)


@parameter_bp.get("/jobs/<uuid:job_id>/parameters/<name>")
def whole(job_id: UUID, name: str) -> ResponseReturnValue:
    """Send the full text of a parameter; secrets stay hidden."""
    job = services().queries.jobs.get_visible(viewer(), job_id)
    parameters_by_name = {parameter.name: parameter for parameter in visible_parameters(job, viewer_context())}
    return text_response(parameters_by_name[name].text) if name in parameters_by_name else abort(404)


def _poll(job_id: UUID) -> PolledJob:
    return services().queries.polled.of_job(viewer(), job_id, listed=LISTED)


def _tag(polled: PolledJob) -> str:
    job = polled.job
    queue = page.queue_outlook(job) if job.is_new else None
    queue_facts = (queue.place, queue.workers, queue.pause) if queue else ()
    age = (polling.job_tick(job, polled.at), template_version(), get_locale())
    return polling.tag(polled.tag, polled.activity, viewer(), queue_facts, *age)


def _viewer_context(job: Job) -> ViewerContext:
    actors = [event.actor_id for event in services().queries.jobs.timeline(job.id)]
    pause = services().queues.stored(job.queue)[1] if job.status is Status.QUEUED else None
    people = (job.owner.user_id, job.triggered_by, pause.by if pause else None, *actors)
    return viewer_context(people, [job])


def _page_context(job: Job, context: ViewerContext, tag: str) -> dict[str, Any]:
    seconds = polling.job_interval(job, context.now)
    data = page.load_page_data(job, context)
    return {
        "page": page.job_page(job, data, context),
        "tag": tag,
        "trigger": polling.trigger(seconds) if seconds else "",
        "told_at": round(context.now.timestamp()),
        "heard": topbar().latest,
        "ran": 1 if topbar().is_busy else None,
        **_technical_details(job, context),
    }


def _technical_details(job: Job, context: ViewerContext) -> dict[str, Any]:
    """Return what only operators and auditors see."""
    if not context.viewer.sees_all:
        return {"operates": False}
    return {
        "operates": True,
        "owner_name": context.label(job.owner.user_id),
        "snapshot_count": len(services().process_snapshots.of_job(job)),
    }


def _removed(template: str) -> ResponseReturnValue:
    """Return a fragment for an open page whose job was deleted; other requests get a 404."""
    if not polling.is_poll():
        raise JobNotFound(request.path)
    return render_template(template), 410
