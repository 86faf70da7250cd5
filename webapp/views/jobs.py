"""The list of jobs, and the fragment that keeps it up to date."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.jobs.job_type import JobType
from webapp.views import polling
from webapp.views.assets import template_version
from webapp.views.current import services
from webapp.views.filters import Filter
from webapp.views.job_list import JobList, job_list
from webapp.views.pauses import pauses
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
    grown = (template_version(), seconds // _LIST_GROWS_OLD)
    return polling.tag(services().jobs.tag(who), who, chosen, pauses(), *grown)
