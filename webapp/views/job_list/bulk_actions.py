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
from webapp.jobs.model.job import Job
from webapp.jobs.queries.criteria import JobCriteria
from webapp.jobs.queries.visible_jobs import PAGE
from webapp.jobtypes.bulk_action.payload import BulkActionPayload
from webapp.views.job_list.admin_filter import AdminJobFilter
from webapp.views.job_list.bulk_action_text import confirm_all_matching, confirm_selected, summary
from webapp.views.job_list.filter import Filter, parse_filter
from webapp.views.job_list.list_page import CARDS
from webapp.views.page import permissions
from webapp.views.page.audit_log import audited
from webapp.views.page.confirmation import render_confirmation
from webapp.views.page.request import job_policy, services, signed_in, viewer

bp = Blueprint("acts", __name__)
_SELECTION_LIMIT = PAGE + CARDS
_MOST_RUNNING = 200  # jobs that the request asks to stop; the bulk action stops the others


@bp.get("/jobs/act/<action>")
def confirm_act(action: str) -> ResponseReturnValue:
    """Show the confirmation: what would happen, to how many jobs."""
    bulk_action, back = _action(action), _back()
    post = url_for("acts.do_act", action=bulk_action)
    if _all_matching():
        criteria = replace(_criteria(), newest_id=_newest())
        lists = services().queries.lists
        scheduled = lists.count(viewer(), replace(criteria, tab="scheduled"))
        confirmation = confirm_all_matching(bulk_action, lists.count(viewer(), criteria), post=post, back=back)
        fields = tuple((name, value) for name, value in request.args.items() if name not in {"id", "delayed"})
        offers = bulk_action is BulkAction.STOP and criteria.tab in {"all", "scheduled"} and scheduled
        return render_confirmation(
            replace(confirmation, fields=fields), "job_list/confirm_all.html", scheduled=offers and scheduled
        )
    confirmation = confirm_selected(bulk_action, _sorted(bulk_action, _ids()), post=post, back=back)
    return render_confirmation(replace(confirmation, fields=(*_ids_as_fields(), *_list_as_fields())))


@bp.post("/jobs/act/<action>")
def do_act(action: str) -> ResponseReturnValue:
    """Apply the action to the selected jobs, or start the job that applies it to all matching jobs."""
    bulk_action = _action(action)
    if _all_matching():
        return _start_job(bulk_action)
    flash(summary(bulk_action, act_on_selection(bulk_action, _ids())))
    return redirect(_back(), 303)


def act_on_selection(action: BulkAction, ids: Collection[UUID]) -> SortedJobs:
    """Apply an action to the jobs that it fits, for the signed-in user; pages and the API call it."""
    selection = _sorted(action, ids)
    details = {"action": action.value, "jobs": [job.short_id for job in selection.fit]}
    with audited(AuditAction.JOBS_BULK, AuditTarget.JOBS, after=details) if selection.fit else nullcontext():
        apply_bulk_action(services().jobs, action, selection.fit, job_policy())
    return selection


def act_on_matching(action: BulkAction, criteria: JobCriteria, *, newest: UUID, delayed: bool) -> Job:
    """Start the job that applies an action to all matching jobs up to the newest one; pages and the API call it."""
    upto = replace(criteria, newest_id=newest)
    payload = BulkActionPayload.for_criteria(action, upto, delayed=delayed)
    with audited(AuditAction.JOBS_BULK, AuditTarget.JOBS, after=payload.model_dump(mode="json")):
        return start_bulk_action_job(payload)


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


def _start_job(bulk_action: BulkAction) -> ResponseReturnValue:
    job = act_on_matching(bulk_action, _criteria(), newest=_newest(), delayed="delayed" in request.values)
    return redirect(url_for("jobs.show", job_id=job.id), 303)


def _criteria() -> JobCriteria:
    return parse_filter(_filter()).criteria


def _newest() -> UUID:
    """Return the newest job that the list showed; later ones are left alone."""
    newest: UUID | None = request.values.get("newest", type=UUID)
    return newest or abort(400)


def _sorted(action: BulkAction, ids: Collection[UUID]) -> SortedJobs:
    jobs = services().queries.lists.find_by_ids(viewer(), ids)
    return sort_by_fit(action, (jobs[job_id] for job_id in dict.fromkeys(ids) if job_id in jobs), job_policy())


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
