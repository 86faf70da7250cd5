"""One job, and the fragments that keep its page up to date. They stand in the blueprint of the list."""

from typing import Any
from uuid import UUID

from flask import render_template, request
from flask.typing import ResponseReturnValue

from webapp.accounts.rights import Right
from webapp.jobs.job import Job, Status
from webapp.jobs.store import JobNotFound
from webapp.views import job_page, jobs, polling
from webapp.views.current import services
from webapp.views.job_log import job_log
from webapp.views.job_page import Findings
from webapp.views.parameters import Parameter, parameters
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
        parameters=_parameters(job, reading),
        schedule=services().runs.schedule_of(job.id) if may(Right.SEE_INSTALLATION) else None,
        **_page(job, reading),
        log=job_log(services(), job, reading, request.args.get("log", 0, int)),
    )


@bp.get("/jobs/<uuid:job_id>/_live")
def show_live(job_id: UUID) -> ResponseReturnValue:
    """Answer what changes on a job's page; the answer for a finished job asks no more."""
    try:
        job = services().jobs.visible(viewer(), job_id)
    except JobNotFound:
        return _removed("jobs/_removed.html")
    return render_template("jobs/show_live.html", job=job, **_page(job, _reader(job)))


@bp.get("/jobs/<uuid:job_id>/_log")
def log_lines(job_id: UUID) -> ResponseReturnValue:
    """Answer the lines of the log after line ``after``; nothing while there are none."""
    try:
        job = services().jobs.visible(viewer(), job_id)
    except JobNotFound:
        return _removed("jobs/_log_removed.html")
    log = job_log(services(), job, _reader(job), request.args.get("after", 0, int))
    if log.trigger and not log.lines:
        return "", 204
    return render_template("jobs/log_live.html", job=job, log=log)


def _reader(job: Job) -> Reader:
    actors = [event.actor_id for event in services().jobs.timeline(job.id)]
    return reader((job.owner.user_id, job.triggered_by, *actors))


def _page(job: Job, reading: Reader) -> dict[str, Any]:
    seconds = polling.job_interval(job, reading.now)
    return {
        "page": job_page.job_page(job, _findings(job, reading), reading),
        "trigger": polling.trigger(seconds) if seconds else "",
        "operates": reading.viewer.sees_all,
    }


def _findings(job: Job, reading: Reader) -> Findings:
    asked = services().jobs
    waits = job.status is Status.QUEUED
    return Findings(
        events=asked.timeline(job.id),
        attempts=asked.attempts(job.id) if reading.viewer.sees_all else (),
        attached=asked.attachments(job.id) if reading.may_open(job) else (),
        place=asked.place_in_queue(job),
        workers=services().wake_ups.workers_alive(job.queue) if waits else None,
        usual=None if job.is_finished else asked.usual_duration(job.type),
    )


def _parameters(job: Job, reading: Reader) -> tuple[Parameter, ...]:
    registry = services().registry
    if job.type not in registry or not reading.may_open(job):
        return ()
    return parameters(registry.get(job.type).payload_class, job.payload, reading.zone)


def _removed(template: str) -> ResponseReturnValue:
    """Tell a page that is open that its job is gone; for anybody else there never was one."""
    if not polling.is_poll():
        raise JobNotFound(request.path)
    return render_template(template), 410
