"""The list of jobs, and the fragment that keeps it up to date."""

from time import time
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.jobs.definition.job_type import JobType
from webapp.jobs.queries.pagination import ListChangeTag
from webapp.jobs.queries.visible_jobs import PAGE
from webapp.views.job_list import visible_rows
from webapp.views.job_list.filter import Filter, ParsedFilter, parse_filter
from webapp.views.job_list.list_page import JobList, load_job_list, refresh_job_list
from webapp.views.job_list.visible_rows import VisibleRows
from webapp.views.page import polling
from webapp.views.page.assets import template_version
from webapp.views.page.pause_banner import pauses
from webapp.views.page.polling import poll_state
from webapp.views.page.request import services, signed_in, viewer
from webapp.views.page.topbar import toasts, topbar
from webapp.views.text.stored_messages import translated

bp = Blueprint("jobs", __name__)
_LIST_GROWS_OLD = 60  # seconds: "2 min ago" is wrong then, even if no job has moved


@bp.get("/")
def home() -> ResponseReturnValue:
    """Go to the list, the first page of the house."""
    return redirect(url_for("jobs.index"))


@bp.get("/jobs")
def index() -> ResponseReturnValue:
    """List the jobs that this person may see."""
    wanted = parse_filter(Filter.of(request.args))
    found = load_job_list(services(), wanted)
    return render_template("job_list/index.html", types=_types(wanted.filter, found), **list_words(found))


@bp.get("/jobs/_live")
def live() -> ResponseReturnValue:
    """Answer how the jobs stand that the page shows, and what is new; 304 if nothing is."""
    return answer_again(parse_filter(Filter.of(request.args)))


def answer_again(wanted: ParsedFilter) -> ResponseReturnValue:
    """Answer a page that asks again; one that does not say what it shows is answered as if it were opened now."""
    there = visible_rows.decode(request.args.get("shown", ""))
    if there is None:
        opened = list_words(load_job_list(services(), wanted))
        return render_template("job_list/live.html", toasts=(), **opened), {polling.TAG_HEADER: opened["tag"]}
    pulse = _pulse(wanted, there)
    tag = _tag(wanted.filter, pulse)  # before the list: a tag that is too old only costs one more answer
    if (same := polling.unchanged(tag)) is not None:
        return same
    said = toasts(request.args.get("heard", 0, int), ran="ran" in request.args)
    found = refresh_job_list(services(), wanted, there, new_count=pulse.new, had_idle_queues="idle" in request.args)
    return render_template("job_list/live.html", toasts=said, **list_words(found, tag)), {polling.TAG_HEADER: tag}


def list_words(found: JobList, tag: str = "") -> dict[str, Any]:
    """Return what the templates of a list need."""
    return {
        "list": found,
        "tag": tag or _tag(found.filter, found.pulse),
        "trigger": polling.trigger(found.poll_seconds),
        "asking": _asking(found),
        "operates": viewer().sees_all,
    }


def _asking(found: JobList) -> dict[str, str]:
    """Return what the page says when it asks again: its filter, what it shows, and what was heard."""
    said = {"shown": found.visible.encode(), "idle": "1" if found.had_idle_queues else ""}
    return {**found.filter.arguments(), **{name: value for name, value in said.items() if value}, **poll_state()}


def _types(job_filter: Filter, found: JobList) -> list[JobType]:
    """Return what the list can be narrowed to: what this person may start, and what is here to see."""
    here = {job_filter.type_name, *found.type_names}
    may_be_there = (
        kind
        for kind in services().registry
        if viewer().sees_all or kind.name in here or (kind.listed and kind.may_be_started_by(signed_in().role))
    )
    return sorted(may_be_there, key=lambda kind: translated(kind.title))


def _pulse(wanted: ParsedFilter, there: VisibleRows) -> ListChangeTag:
    """Ask whether anything has changed; new jobs are told on the first page only."""
    limit = PAGE if wanted.filter.is_first_page else 0
    return services().queries.lists.change_tag(viewer(), there.ids, wanted.criteria, limit)


def _tag(job_filter: Filter, pulse: ListChangeTag) -> str:
    who = viewer()
    seconds = int(time()) + who.user_id.int % _LIST_GROWS_OLD  # not everybody at once
    grown = (template_version(), seconds // _LIST_GROWS_OLD)
    return polling.tag(pulse.text, topbar().change_tag, who, job_filter, pauses(), *grown)
