"""Acting on many jobs of the list: those that were ticked, at once; all that match, by a job of its own.

Acting on many jobs for the person who is signed in: who acts, and the job that does it where they are many.
"""

from contextlib import nullcontext
from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.permissions import Right, may
from webapp.jobs.lifecycle.bulk_actions import BulkAction, BulkActor, SortedJobs, apply_bulk_action, sort_by_fit
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
from webapp.views.page.request import services, signed_in, viewer
from webapp.views.page.viewer_context import restricted_types

bp = Blueprint("acts", __name__)
_MOST = PAGE + CARDS


@bp.get("/jobs/act/<action>")
def confirm_act(action: str) -> ResponseReturnValue:
    """Ask whether it is meant, and say what would happen to how many jobs."""
    chosen, back = _action(action), _back()
    post = url_for("acts.do_act", action=chosen)
    if _all():
        criteria = _matching()
        lists = services().queries.lists
        scheduled = lists.count(viewer(), replace(criteria, tab="scheduled"))
        question = confirm_all_matching(chosen, lists.count(viewer(), criteria), post=post, back=back)
        fields = tuple((name, value) for name, value in request.args.items() if name not in {"id", "delayed"})
        offers = chosen is BulkAction.STOP and criteria.tab in {"all", "scheduled"} and scheduled
        return render_confirmation(
            replace(question, fields=fields), "job_list/confirm_all.html", scheduled=offers and scheduled
        )
    question = confirm_selected(chosen, _sorted(chosen), post=post, back=back)
    return render_confirmation(replace(question, fields=(*_ids_as_fields(), *_list_as_fields())))


@bp.post("/jobs/act/<action>")
def do_act(action: str) -> ResponseReturnValue:
    """Do it to those that it still fits; for all that match, start the job that does."""
    chosen = _action(action)
    if _all():
        return _start_job(chosen)
    judged = _sorted(chosen)
    details = {"action": chosen.value, "jobs": [job.short_id for job in judged.fit]}
    with audited(AuditAction.JOBS_BULK, AuditTarget.JOBS, after=details) if judged.fit else nullcontext():
        apply_bulk_action(services().jobs, chosen, judged.fit, actor())
    flash(summary(chosen, judged))
    return redirect(_back(), 303)


def _start_job(chosen: BulkAction) -> ResponseReturnValue:
    payload = BulkActionPayload.for_criteria(chosen, _matching(), delayed="delayed" in request.values)
    with audited(AuditAction.JOBS_BULK, AuditTarget.JOBS, after=payload.model_dump(mode="json")):
        job = start_bulk_action_job(payload)
    return redirect(url_for("jobs.show", job_id=job.id), 303)


def _matching() -> JobCriteria:
    """Return what the list was narrowed to, up to the newest job that its reader saw."""
    newest = request.values.get("newest", type=UUID)
    if newest is None:
        abort(400)
    return replace(parse_filter(_filter()).criteria, newest_id=newest)


def _sorted(action: BulkAction) -> SortedJobs:
    there = services().queries.lists.find_by_ids(viewer(), _ids())
    return sort_by_fit(action, (there[one] for one in _ids() if one in there), actor())


def _ids() -> list[UUID]:
    return list(dict.fromkeys(request.values.getlist("id", type=UUID)))[:_MOST]


def _ids_as_fields() -> tuple[tuple[str, str], ...]:
    return tuple(("id", str(one)) for one in _ids())


def _all() -> bool:
    return "all" in request.values


def _back() -> str:
    listed = _filter()
    arguments: dict[str, Any] = {**listed.arguments()}
    return url_for(listed.endpoint, **arguments)


def _filter() -> Filter:
    """Return the filter of the list that this comes from."""
    overseen = request.values.get("list") == "admin" and permissions.may(Right.SEE_INSTALLATION)
    return AdminJobFilter.of(request.values) if overseen else Filter.of(request.values)


def _list_as_fields() -> tuple[tuple[str, str], ...]:
    listed = _filter()
    of_all = (("list", "admin"),) if isinstance(listed, AdminJobFilter) else ()
    return (*of_all, *listed.arguments().items())


def _action(name: str) -> BulkAction:
    try:
        return BulkAction(name)
    except ValueError:
        abort(404)


def actor() -> BulkActor:
    """Return who acts, and on whose jobs and kinds of jobs that person may."""
    user = signed_in()
    return BulkActor(user_id=user.id, on_all=may(user, Right.ACT_ON_ALL_JOBS), closed_types=restricted_types())


def start_bulk_action_job(payload: BulkActionPayload) -> Job:
    """Start the job that does it, with its progress and a list of what it did, with the rights that this person has."""
    me = signed_in().id
    return services().jobs.create_user_job("bulk_action", payload.model_dump(mode="json"), me, triggered_by=me)
