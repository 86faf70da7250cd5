"""The list of jobs, and the fragment that its polls fetch."""

from time import time
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.jobs.definition.job_type import JobType
from webapp.jobs.queries.pagination import ListChangeTag
from webapp.jobs.queries.polled_state import PolledList, UserActivity
from webapp.jobs.queries.visible_jobs import PAGE
from webapp.time_zones import local_time
from webapp.views.job_list import visible_rows
from webapp.views.job_list.filter import Filter, ParsedFilter, parse_filter
from webapp.views.job_list.list_page import JobList, load_job_list, refresh_job_list
from webapp.views.job_list.visible_rows import VisibleRows
from webapp.views.page import polling
from webapp.views.page.address import parse_moment
from webapp.views.page.assets import template_version
from webapp.views.page.pause_banner import PauseBanner, pauses
from webapp.views.page.permissions import home_endpoint
from webapp.views.page.polling import poll_state
from webapp.views.page.request import job_policy, services, viewer
from webapp.views.page.topbar import LISTED, toasts, topbar
from webapp.views.page.viewer_context import viewer_context
from webapp.views.text.stored_messages import translated

bp = Blueprint("jobs", __name__)
_LIST_MAX_AGE = 60  # seconds: "2 min ago" is wrong after that, even if no job changed


@bp.get("/")
def home() -> ResponseReturnValue:
    """Redirect to the page on which the user lands."""
    return redirect(url_for(home_endpoint()))


@bp.get("/jobs")
def index() -> ResponseReturnValue:
    """List the jobs that the viewer can see."""
    parsed = parse_filter(Filter.of(request.args))
    page = load_job_list(services(), parsed)
    return render_template("job_list/index.html", types=_types(parsed.filter, page), **list_context(page))


@bp.get("/jobs/_live")
def live() -> ResponseReturnValue:
    """Return the current state of the jobs on the page; 304 if nothing changed."""
    return poll_list(parse_filter(Filter.of(request.args)))


def poll_list(parsed: ParsedFilter) -> ResponseReturnValue:
    """Answer a poll; without a list of visible jobs, return the page as if it were opened now."""
    visible = visible_rows.decode(request.args.get("shown", ""))
    if visible is None:
        opened = list_context(load_job_list(services(), parsed))
        return render_template("job_list/live.html", toasts=(), **opened), {polling.TAG_HEADER: opened["tag"]}
    polled = _poll(parsed, visible)
    # before the list is read: an outdated tag only costs one more poll
    tag = _tag(parsed.filter, polled.tag, polled.activity, pauses() if polled.any_paused else ())
    if (same := polling.unchanged(tag)) is not None:
        return same
    new_toasts = toasts(request.args.get("heard", 0, int), ran="ran" in request.args)
    page = refresh_job_list(
        services(), parsed, visible, new_count=polled.tag.new, had_idle_queues="idle" in request.args
    )
    return render_template("job_list/live.html", toasts=new_toasts, **list_context(page, tag)), {
        polling.TAG_HEADER: tag
    }


def list_context(page: JobList, tag: str = "") -> dict[str, Any]:
    """Return the variables of the templates of a list."""
    return {
        "list": page,
        "tag": tag or _tag(page.filter, page.list_tag, topbar().activity, pauses()),
        "trigger": polling.trigger(page.poll_seconds),
        "poll_arguments": _poll_arguments(page),
        "operates": viewer().sees_all,
        "shares": bool(viewer().groups),
        "ended": _ended(page.filter),
    }


def _ended(job_filter: Filter) -> dict[str, str]:
    """Return the bounds of the finish time in the viewer's time zone."""
    zone = viewer_context().zone
    bounds = {"since": parse_moment(job_filter.ended_since), "until": parse_moment(job_filter.ended_until)}
    texts = {name: f"{local_time(at, zone):%Y-%m-%d %H:%M}" if at else "" for name, at in bounds.items()}
    return {**texts, "zone": zone.key}


def _poll_arguments(page: JobList) -> dict[str, str]:
    """Return the arguments of the next poll: the filter, the visible jobs, and the notifications that are known."""
    arguments = {"shown": page.visible.encode(), "idle": "1" if page.had_idle_queues else ""}
    return {**page.filter.arguments(), **{name: value for name, value in arguments.items() if value}, **poll_state()}


def _types(job_filter: Filter, page: JobList) -> list[JobType]:
    """Return the job types of the filter: those that the viewer can start, and those of the jobs on the page."""
    here = {job_filter.type_name, *page.type_names}
    policy = job_policy()
    offered = (
        job_type
        for job_type in services().registry
        if policy.sees_all or job_type.name in here or (job_type.listed and policy.may_start(job_type.name))
    )
    return sorted(offered, key=lambda job_type: translated(job_type.title))


def _poll(parsed: ParsedFilter, visible: VisibleRows) -> PolledList:
    """Return the state of the visible jobs; new jobs count on the first page only."""
    limit = PAGE if parsed.filter.is_first_page else 0
    polled = services().queries.polled
    return polled.of_list(viewer(), visible.digits, parsed.criteria, limit=limit, listed=LISTED)


def _tag(
    job_filter: Filter, list_tag: ListChangeTag, activity: UserActivity, paused_queues: tuple[PauseBanner, ...]
) -> str:
    user = viewer()
    seconds = int(time()) + user.user_id.int % _LIST_MAX_AGE  # users refresh at different times
    age = (template_version(), seconds // _LIST_MAX_AGE)
    return polling.tag(list_tag.text, activity, user, job_filter, paused_queues, *age)
