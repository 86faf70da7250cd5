"""Bulk actions of the list: on the selected jobs at once, on all matching jobs by a job of the type bulk_action."""

from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.permissions import Right
from webapp.jobs.lifecycle.bulk_actions import BulkAction, SortedJobs, apply_bulk_action, sort_by_fit
from webapp.jobs.lifecycle.create import UnknownGroup
from webapp.jobs.model.job import Job
from webapp.jobs.model.job_policy import Objection
from webapp.jobs.queries.criteria import JobCriteria
from webapp.jobs.queries.visible_jobs import PAGE
from webapp.jobtypes.bulk_action.payload import BulkActionPayload
from webapp.views.job_list.admin_filter import AdminJobFilter
from webapp.views.job_list.bulk_action_text import confirm_all_matching, confirm_selected, summary
from webapp.views.job_list.filter import Filter, parse_filter
from webapp.views.job_list.list_page import CARDS
from webapp.views.page import permissions
from webapp.views.page.audit_log import audited
from webapp.views.page.confirmation import Confirmation, render_confirmation
from webapp.views.page.request import job_policy, services, signed_in, viewer
from webapp.views.page.viewer_context import own_groups
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

bp = Blueprint("acts", __name__)
_SELECTION_LIMIT = PAGE + CARDS
_MOST_RUNNING = 200  # jobs that the request asks to stop; the bulk action stops the others


@bp.get("/jobs/act/<action>")
def confirm_act(action: str) -> ResponseReturnValue:
    """Show the confirmation: what would happen, to how many jobs, and for shared jobs the groups."""
    bulk_action = _action(action)
    confirmation, scheduled = _all_confirmation(bulk_action) if _all_matching() else (_confirmation(bulk_action), 0)
    if bulk_action is BulkAction.SHARE:
        groups = own_groups()
        nowhere = "" if groups else _("You belong to no group. Admins add users to groups.")
        confirmation = replace(confirmation, refusal=confirmation.refusal or nowhere)
        return render_confirmation(confirmation, "job_list/confirm_share.html", groups=groups)
    return render_confirmation(confirmation, "job_list/confirm_all.html", scheduled=scheduled)


def _confirmation(action: BulkAction) -> Confirmation:
    post, selected = url_for("acts.do_act", action=action), _sorted(action, _ids())
    confirmation = confirm_selected(action, selected, post=post, back=_back())
    return replace(confirmation, fields=(*_ids_as_fields(), *_list_as_fields()))


def _all_confirmation(action: BulkAction) -> tuple[Confirmation, int]:
    """Return the confirmation for all matching jobs, and how many scheduled ones a stop can include."""
    criteria, lists = replace(_criteria(), newest_id=_newest()), services().queries.lists
    post, count = url_for("acts.do_act", action=action), lists.count(viewer(), criteria)
    confirmation = confirm_all_matching(action, count, post=post, back=_back())
    fields = tuple((name, value) for name, value in request.args.items() if name not in {"id", "delayed"})
    offers = action is BulkAction.STOP and criteria.tab in {"all", "scheduled"}
    scheduled = lists.count(viewer(), replace(criteria, tab="scheduled")) if offers else 0
    return replace(confirmation, fields=fields), scheduled


@bp.post("/jobs/act/<action>")
def do_act(action: str) -> ResponseReturnValue:
    """Apply the action to the selected jobs, or start the job that applies it to all matching jobs."""
    bulk_action, group = _action(action), request.form.get("group") or None
    if bulk_action is BulkAction.SHARE and group is None:  # chosen in the list of groups
        bulk_action = BulkAction.UNSHARE
    try:
        if _all_matching():
            return _start_job(bulk_action, group)
        flash(summary(bulk_action, act_on_selection(bulk_action, _ids(), group=group)))
    except UnknownGroup as error:  # it was removed meanwhile
        flash(translated(str(error)))
    return redirect(_back(), 303)


def act_on_selection(action: BulkAction, ids: Collection[UUID], *, group: str | None = None) -> SortedJobs:
    """Apply an action to the jobs that it fits, for the signed-in user; pages and the API call it.

    Ends the request with 403 for a group with which the user cannot share, and raises `UnknownGroup`.
    """
    _check_group(group)
    selection = _sorted(action, ids, group)
    details = {"action": action.value, **_group_detail(group), "jobs": [job.short_id for job in selection.fit]}
    with audited(AuditAction.JOBS_BULK, AuditTarget.JOBS, after=details) if selection.fit else nullcontext():
        apply_bulk_action(services().jobs, action, selection.fit, job_policy(), group=group)
    return selection


def act_on_matching(
    action: BulkAction, criteria: JobCriteria, *, newest: UUID, delayed: bool, group: str | None = None
) -> Job:
    """Start the job that applies an action to all matching jobs up to the newest one; pages and the API call it.

    Refuses a group as `act_on_selection` does.
    """
    _check_group(group)
    upto = replace(criteria, newest_id=newest)
    payload = BulkActionPayload.for_criteria(action, upto, delayed=delayed, group=group or "")
    with audited(AuditAction.JOBS_BULK, AuditTarget.JOBS, after=payload.model_dump(mode="json")):
        return start_bulk_action_job(payload)


def _check_group(group: str | None) -> None:
    if group is None:
        return
    policy = job_policy()
    if not policy.shares_with_all and group not in policy.groups:
        abort(403, translated(Objection.NOT_IN_GROUP.value))
    if group not in own_groups():
        raise UnknownGroup(group)


def _group_detail(group: str | None) -> dict[str, str]:
    return {"group": group} if group else {}


def start_bulk_action_job(payload: BulkActionPayload) -> Job:
    """Start the job that applies the action with the permissions of the signed-in user.

    A stop must start before the jobs that it stops: its job has the highest priority, and running jobs are
    asked to stop at once, because they may occupy every worker that could run it.
    """
    user_id = signed_in().id
    first = {} if payload.priority is None else {"priority": payload.priority}
    job = services().jobs.create_user_job(
        "bulk_action", payload.model_dump(mode="json"), user_id, triggered_by=user_id, **first
    )
    if payload.action is BulkAction.STOP and (running := payload.running()):
        _stop_running(running)
    return job


def _stop_running(payload: BulkActionPayload) -> None:
    policy = job_policy()
    found = services().queries.lists.find(viewer(), payload.criteria(policy.unopened_types), limit=_MOST_RUNNING).jobs
    apply_bulk_action(services().jobs, payload.action, sort_by_fit(payload.action, found, policy).fit, policy)


def _start_job(bulk_action: BulkAction, group: str | None) -> ResponseReturnValue:
    delayed = "delayed" in request.values
    job = act_on_matching(bulk_action, _criteria(), newest=_newest(), delayed=delayed, group=group)
    return redirect(url_for("jobs.show", job_id=job.id), 303)


def _criteria() -> JobCriteria:
    return parse_filter(_filter()).criteria


def _newest() -> UUID:
    """Return the newest job that the list showed; later ones are left alone."""
    newest: UUID | None = request.values.get("newest", type=UUID)
    return newest or abort(400)


def _sorted(action: BulkAction, ids: Collection[UUID], group: str | None = None) -> SortedJobs:
    jobs = services().queries.lists.find_by_ids(viewer(), ids)
    found = (jobs[job_id] for job_id in dict.fromkeys(ids) if job_id in jobs)
    return sort_by_fit(action, found, job_policy(), group=group)


def _ids() -> list[UUID]:
    return list(dict.fromkeys(request.values.getlist("id", type=UUID)))[:_SELECTION_LIMIT]


def _ids_as_fields() -> tuple[tuple[str, str], ...]:
    return tuple(("id", str(job_id)) for job_id in _ids())


def _all_matching() -> bool:
    return "all" in request.values


def _back() -> str:
    job_filter = _filter()
    arguments: dict[str, Any] = {**job_filter.arguments()}
    return url_for(job_filter.endpoint, **arguments)


def _filter() -> Filter:
    """Return the filter of the list from which the request comes."""
    is_admin_list = request.values.get("list") == "admin" and permissions.may(Right.SEE_INSTALLATION)
    return AdminJobFilter.of(request.values) if is_admin_list else Filter.of(request.values)


def _list_as_fields() -> tuple[tuple[str, str], ...]:
    job_filter = _filter()
    admin_list = (("list", "admin"),) if isinstance(job_filter, AdminJobFilter) else ()
    return (*admin_list, *job_filter.arguments().items())


def _action(name: str) -> BulkAction:
    try:
        return BulkAction(name)
    except ValueError:
        abort(404)
