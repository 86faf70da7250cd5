"""Approve and reject: GET shows what the job was given and asks, POST decides; and the list of what waits."""

from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.jobs.approvals.waiting_list import CEILING
from webapp.jobs.model.job import Job
from webapp.jobs.store.job_store import StaleJob
from webapp.views.job import actions
from webapp.views.job.action_confirmations import with_job
from webapp.views.job.approval_card import ApprovalCard, approval_card
from webapp.views.job.available_actions import can_run_dry, permission_refusal, refusal
from webapp.views.job.show import visible_parameters
from webapp.views.page.audit_log import audited
from webapp.views.page.confirmation import (
    Confirmation,
    ask_reason,
    ask_reason_again,
    render_confirmation,
    submitted_reason,
)
from webapp.views.page.request import job_policy, services, signed_in
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

bp = Blueprint("approvals", __name__)
_NEWEST_VERSION = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRow:
    """A job in the list of those that wait for the approval of the viewer."""

    job: Job
    title: str
    type_title: str
    card: ApprovalCard
    asked: FormattedTime | None


@bp.get("/approvals")
def index() -> ResponseReturnValue:
    """List the jobs that wait for the approval of the signed-in user, those that expire first before the others."""
    waiting, context = services().approvals.of(job_policy()), viewer_context()
    rows = [row for job in waiting if (row := _row(job, context)) is not None]
    return render_template(
        "job/approvals.html", rows=rows, is_cut=len(waiting) >= CEILING, approves=bool(job_policy().approvable_types)
    )


@bp.get("/jobs/<uuid:job_id>/approve")
def approve(job_id: UUID) -> ResponseReturnValue:
    """Show what the job was given, and ask."""
    return _question(job_id)


@bp.post("/jobs/<uuid:job_id>/approve")
def approve_now(job_id: UUID) -> ResponseReturnValue:
    """Approve the job as it was shown; if it has changed meanwhile, show it again."""
    try:
        approve_job(job_id, _seen_version())
    except StaleJob:
        return _question(job_id, _changed_meanwhile()), 409
    return redirect(url_for("jobs.show", job_id=job_id), 303)


def _question(job_id: UUID, *notes: str) -> str:
    context = viewer_context()
    job = _openable(job_id, context)
    can_try = can_run_dry(job, services().registry) and not permission_refusal("dry-run", job, context)
    return render_confirmation(
        _confirmation(
            job,
            context,
            title=with_job(_("Approve %(job)s?"), job),
            effect=_("It starts with this input. If somebody changes it before you decide, you are asked again."),
            action=_("Approve"),
            verb="approve",
            notes=notes,
        ),
        "job/approve.html",
        job=job,
        parameters=visible_parameters(job, context),
        approval=approval_card(job, services().queries.jobs.timeline(job.id), context),
        can_try=can_try,
    )


@bp.route("/jobs/<uuid:job_id>/reject", methods=("GET", "POST"))
def reject(job_id: UUID) -> ResponseReturnValue:
    """Ask for a reason, and cancel the job with it."""
    if request.method == "POST":
        actions.act_on(job_id, "reject")
    if (question := ask_reason(_rejection(job_id))) is not None:
        return question
    try:
        reject_job(job_id, submitted_reason(), _seen_version())
    except StaleJob:
        return ask_reason_again(_rejection(job_id, _changed_meanwhile())), 409
    return redirect(url_for("jobs.show", job_id=job_id), 303)


def approve_job(job_id: UUID, version: int | None) -> Job:
    """Approve a job for the signed-in user, with its audit line; the page and the API call it."""
    job = actions.act_on(job_id, "approve")
    with audited(AuditAction.JOB_APPROVE, AuditTarget.JOB, job.id, name=job.title):
        return services().jobs.approve(job.id, by=signed_in().id, version=version)


def reject_job(job_id: UUID, reason: str, version: int | None) -> Job:
    """Reject a job for the signed-in user, with its audit line; the page and the API call it."""
    job = actions.act_on(job_id, "reject")
    with audited(AuditAction.JOB_REJECT, AuditTarget.JOB, job.id, name=job.title, after={"reason": reason}):
        return services().jobs.reject(job.id, reason, by=signed_in().id, version=version)


def _rejection(job_id: UUID, *notes: str) -> Confirmation:
    context = viewer_context()
    job = _openable(job_id, context)
    return _confirmation(
        job,
        context,
        title=with_job(_("Reject %(job)s?"), job),
        effect=_("It does not start, and whoever asked for it sees the reason."),
        action=_("Reject"),
        verb="reject",
        notes=notes,
    )


def _changed_meanwhile() -> str:
    return _("Somebody has changed this job since you opened it. Look at its input again before you decide.")


def _openable(job_id: UUID, context: ViewerContext) -> Job:
    job = services().queries.jobs.get_visible(context.viewer, job_id)
    return job if context.may_open(job) else abort(404)


def _confirmation(
    job: Job, context: ViewerContext, *, verb: str, title: str, effect: str, action: str, notes: tuple[str, ...]
) -> Confirmation:
    seen = str(job.version) if notes else request.form.get("version", str(job.version))
    return Confirmation(
        title=title,
        effect=effect,
        action=action,
        notes=notes,
        keep=_("Back"),
        post=url_for(f"approvals.{verb}", job_id=job.id),
        back=url_for("jobs.show", job_id=job.id),
        fields=(("version", seen),),
        harmful=verb == "reject",
        refusal=refusal(verb, job, services().registry, context),
    )


def _seen_version() -> int:
    """Return the version of the job that the form showed; 0, which no job has, if the form has none."""
    version = request.form.get("version", 0, int)
    return version if 0 <= version <= _NEWEST_VERSION else 0


def _row(job: Job, context: ViewerContext) -> WaitingRow | None:
    card = approval_card(job, (), context)
    if card is None:
        return None
    return WaitingRow(
        job=job,
        title=translated(job.title),
        type_title=translated(services().registry.title_of(job.type)),
        card=card,
        asked=context.when(job.created_at) if job.created_at else None,
    )
