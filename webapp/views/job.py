"""One job, and the fragments that keep its page up to date. They stand in the blueprint of the list."""

from typing import Any
from uuid import UUID

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import get_locale

from webapp.accounts.rights import Right
from webapp.jobs.job import Job, Status
from webapp.jobs.store import JobNotFound
from webapp.views import findings, job_page, jobs, polling
from webapp.views.around import around, toasts
from webapp.views.assets import template_version
from webapp.views.current import services
from webapp.views.job_log import Chosen, job_log
from webapp.views.parameters import Parameter, as_facts, parameters
from webapp.views.reader import Reader, reader
from webapp.views.rights import may
from webapp.views.viewer import viewer

bp = jobs.bp


@bp.get("/jobs/<uuid:job_id>")
def show(job_id: UUID) -> ResponseReturnValue:
    """Show one job."""
    job = services().jobs.visible(viewer(), job_id)
    reading = _reader(job)
    return render_template(
        "jobs/show.html",
        job=job,
        types=services().registry,
        parameters=given(job, reading),
        metadata=as_facts(job.metadata) if reading.may_open(job) else (),
        schedule=services().runs.schedule_of(job.id) if may(Right.SEE_INSTALLATION) else None,
        **_page(job, reading),
        log=job_log(services(), job, reading, Chosen.of(request.args)),
    )


@bp.get("/jobs/<uuid:job_id>/_live")
def show_live(job_id: UUID) -> ResponseReturnValue:
    """Answer what changes on a job's page, 304 if nothing did; the answer for a finished job asks no more."""
    try:
        job = services().jobs.visible(viewer(), job_id)
    except JobNotFound:
        return _removed("jobs/_removed.html")
    tag = _tag(job)
    unchanged = None if job.is_finished else polling.unchanged(tag)
    if unchanged:
        return unchanged
    said = toasts(request.args.get("heard", 0, int), ran="ran" in request.args) if polling.is_poll() else ()
    others = tuple(toast for toast in said if toast.job_id != job.id)  # of this one, the page itself tells
    answer = render_template("jobs/show_live.html", job=job, toasts=others, **_page(job, _reader(job)))
    return answer, {polling.TAG_HEADER: tag}


@bp.get("/jobs/<uuid:job_id>/_log")
def log_lines(job_id: UUID) -> ResponseReturnValue:
    """Answer the lines of the log after line ``after``; nothing while there are none."""
    try:
        job = services().jobs.visible(viewer(), job_id)
    except JobNotFound:
        return _removed("jobs/_log_removed.html")
    chosen = Chosen.of({"after": "0", **request.args})
    log = job_log(services(), job, _reader(job), chosen)
    if log.trigger and not log.lines:
        return "", 204
    return render_template("jobs/log_live.html", job=job, log=log)


def given(job: Job, reading: Reader) -> tuple[Parameter, ...]:
    """Return what a job was given, as far as this reader may know and its type is there to name it."""
    registry = services().registry
    if job.type not in registry or not reading.may_open(job):
        return ()
    return parameters(registry.get(job.type).payload_class, job.payload, reading.zone)


def _tag(job: Job) -> str:
    now = services().jobs.now()
    queue = findings.queue_outlook(job) if job.is_new else None
    told = (queue.place, queue.workers, queue.pause) if queue else ()
    grown = (polling.job_tick(job, now), template_version(), get_locale())
    return polling.tag(services().jobs.family_pulse(job), around().pulse, viewer(), told, *grown)


def _reader(job: Job) -> Reader:
    actors = [event.actor_id for event in services().jobs.timeline(job.id)]
    paused_by = services().queues.kept(job.queue).paused_by if job.status is Status.QUEUED else None
    return reader((job.owner.user_id, job.triggered_by, paused_by, *actors))


def _page(job: Job, reading: Reader) -> dict[str, Any]:
    tag = _tag(job)  # before all else: one that is too old only costs one more answer
    seconds = polling.job_interval(job, reading.now)
    found = findings.findings(job, reading)
    return {
        "page": job_page.job_page(job, found, reading),
        "tag": tag,
        "trigger": polling.trigger(seconds) if seconds else "",
        "told_at": round(reading.now.timestamp()),
        "heard": around().latest,
        "ran": 1 if around().running else None,
        "operates": reading.viewer.sees_all,
    }


def _removed(template: str) -> ResponseReturnValue:
    """Tell a page that is open that its job is gone; for anybody else there never was one."""
    if not polling.is_poll():
        raise JobNotFound(request.path)
    return render_template(template), 410
