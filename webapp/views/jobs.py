"""The pages of jobs: the list, one job, and the fragments that keep both up to date."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.jobs.job import Job, Status
from webapp.jobs.job_type import JobType
from webapp.jobs.store import JobNotFound
from webapp.views import job_page, polling
from webapp.views.assets import template_version
from webapp.views.current import services
from webapp.views.filters import Filter
from webapp.views.job_list import JobList, job_list
from webapp.views.job_log import job_log
from webapp.views.job_page import Findings
from webapp.views.parameters import Parameter, parameters
from webapp.views.reader import Reader, reader
from webapp.views.viewer import signed_in, viewer

bp = Blueprint("jobs", __name__)
_LIST_GROWS_OLD = 60  # seconds: "2 min ago" is wrong then, even if no job has moved


@bp.get("/")
def home() -> ResponseReturnValue:
    """Go to the list, the first page of the house."""
    return redirect(url_for("jobs.index"))


@bp.get("/jobs")
def index() -> ResponseReturnValue:
    """List the jobs that this person may see."""
    return render_template("jobs/index.html", **_list(Filter.of(request.args)))


@bp.get("/jobs/_live")
def live() -> ResponseReturnValue:
    """Answer what changes on the list; 304 if nothing did."""
    chosen = Filter.of(request.args)
    tag = _list_tag(chosen)
    return polling.unchanged(tag) or (render_template("jobs/live.html", **_list(chosen)), {polling.TAG_HEADER: tag})


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


def _list(chosen: Filter) -> dict[str, Any]:
    tag = _list_tag(chosen)  # before the list: a tag that is too old only costs one more answer
    shown = job_list(services(), chosen)
    return {
        "list": shown,
        "tag": tag,
        "trigger": polling.trigger(shown.seconds),
        "types": _types(chosen, shown),
        "operates": viewer().sees_all,
    }


def _types(chosen: Filter, shown: JobList) -> list[JobType]:
    """Return what the list can be narrowed to: what this person may start, and what is here to see."""
    here = {chosen.type_name, *(row.type_name for row in (*shown.running, *shown.rows))}
    may_be_there = (
        kind
        for kind in services().registry
        if viewer().sees_all or kind.name in here or kind.may_be_started_by(signed_in().role)
    )
    return sorted(may_be_there, key=lambda kind: kind.title)


def _list_tag(chosen: Filter) -> str:
    who = viewer()
    seconds = int(services().jobs.now().timestamp()) + who.user_id.int % _LIST_GROWS_OLD  # not everybody at once
    return polling.tag(services().jobs.tag(who), who, chosen, template_version(), seconds // _LIST_GROWS_OLD)


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
    jobs = services().jobs
    waits = job.status is Status.QUEUED
    return Findings(
        events=jobs.timeline(job.id),
        attempts=jobs.attempts(job.id) if reading.viewer.sees_all else (),
        attached=jobs.attachments(job.id) if reading.may_open(job) else (),
        place=jobs.place_in_queue(job),
        workers=services().wake_ups.workers_alive(job.queue) if waits else None,
        usual=None if job.is_finished else jobs.usual_duration(job.type),
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
