"""The actions on one job: GET shows the confirmation, POST performs the action. A refusal says why."""

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.jobs.model.job import Job
from webapp.services import Services
from webapp.views.job import action_confirmations, available_actions
from webapp.views.job.action_confirmations import ConfirmationContext
from webapp.views.page.audit_log import acting_for, audited
from webapp.views.page.confirmation import Confirmation, render_confirmation
from webapp.views.page.request import services, signed_in
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.date_format import FormattedTime, rough_duration

bp = Blueprint("actions", __name__)
_VERBS = f"any({', '.join(repr(verb) for verb in action_confirmations.VERBS)})"
_HARMFUL = frozenset({"stop", "delete", "keep-no-longer", "make-public"})
_DEFAULT_GRACE = timedelta(seconds=10)  # of a type that is not installed


@bp.get(f"/jobs/<uuid:job_id>/<{_VERBS}:verb>")
def ask(job_id: UUID, verb: str) -> ResponseReturnValue:
    """Show the confirmation."""
    context = viewer_context()
    job = _visible(job_id, context)
    text = action_confirmations.confirmation_text(verb, _confirmation_context(job, verb, context))
    return render_confirmation(
        Confirmation(
            title=text.title,
            effect=text.effect,
            action=text.action,
            keep=text.keep,
            notes=text.notes,
            post=url_for("actions.act", job_id=job.id, verb=verb),
            back=url_for("jobs.show", job_id=job.id),
            harmful=verb in _HARMFUL,
            refusal=available_actions.refusal(verb, job, services().registry, context),
        )
    )


@bp.post(f"/jobs/<uuid:job_id>/<{_VERBS}:verb>", endpoint="act")
def apply_action(job_id: UUID, verb: str) -> ResponseReturnValue:
    """Perform the action; the engine refuses it if the status of the job no longer allows it."""
    perform(job_id, verb)
    if verb == "delete":
        return redirect(url_for("jobs.index"), 303)
    return redirect(url_for("jobs.show", job_id=job_id), 303)


def perform(job_id: UUID, verb: str) -> None:
    """Perform an action for the signed-in user, with its audit line; pages and the API call it."""
    job = act_on(job_id, verb)
    action, after = _AUDITED[verb]
    if action is AuditAction.JOB_RETRY:
        after = acting_for(job.owner.user_id) or None
    with audited(action, AuditTarget.JOB, job.id, name=job.title, after=after):
        _ACTIONS[verb](services(), job.id, signed_in().id)


def set_priority(job_id: UUID, priority: int) -> Job:
    """Set the priority of a waiting job for the signed-in user; the API calls it."""
    job = act_on(job_id, "run-next")
    change = {"before": {"priority": job.priority}, "after": {"priority": priority}}
    with audited(AuditAction.JOB_PRIORITY, AuditTarget.JOB, job.id, name=job.title, **change):
        return services().admin_jobs.set_priority(job_id, priority, by=signed_in().id)


def set_tags(job_id: UUID, tags: Collection[str]) -> Job:
    """Replace the tags of a job for the signed-in user; its page and the API call it."""
    job = act_on(job_id, "tags")
    change = {"before": {"tags": list(job.tags)}, "after": {"tags": list(tags)}}
    with audited(AuditAction.JOB_TAGS, AuditTarget.JOB, job.id, name=job.title, **change):
        return services().admin_jobs.set_tags(job_id, tags, by=signed_in().id)


def share(job_id: UUID, group: str | None) -> Job:
    """Share a job with a group, or with none, for the signed-in user; its page and the API call it."""
    job = act_on(job_id, "unshare" if group is None else "share")
    if group is not None and group != job.shared_with:
        refusal = available_actions.sharing_refusal(job, group, viewer_context())
        if refusal:
            abort(403, refusal)
    change = {"before": {"shared_with": job.shared_with}, "after": {"shared_with": group}}
    with audited(AuditAction.JOB_SHARE, AuditTarget.JOB, job.id, name=job.title, **change):
        return services().admin_jobs.share(job_id, group, by=signed_in().id)


def run_again(job_id: UUID, from_step: str | None = None) -> Job:
    """Start a copy of a job for the signed-in user, without asking for its parameters; the API calls it.

    With ``from_step``, the copy has the steps before that one. Raises `BadRequest` if there is no such step.
    """
    context = viewer_context()
    job = _visible(job_id, context)
    if refusal := available_actions.refusal("run-again", job, services().registry, context):
        abort(409 if context.may_act(job) else 403, refusal)
    after = {"again_of": job.id} if from_step is None else {"again_of": job.id, "from_step": from_step}
    with audited(AuditAction.JOB_RUN_AGAIN, AuditTarget.JOB, job.id, name=job.title, after=after):
        return services().jobs.run_again(job.id, by=signed_in().id, owner=context.policy.owner, from_step=from_step)


def act_on(job_id: UUID, verb: str) -> Job:
    """Return a job on which the signed-in user can act; end the request with 404 or 403 otherwise."""
    context = viewer_context()
    job = _visible(job_id, context)
    if refusal := available_actions.permission_refusal(verb, job, context):
        abort(403, refusal)
    return job


def _visible(job_id: UUID, context: ViewerContext) -> Job:
    """Return the job, or end the request with 404 if the viewer cannot open it."""
    job = services().queries.jobs.get_visible(context.viewer, job_id)
    if not context.may_open(job):
        abort(404)
    return job


def _confirmation_context(job: Job, verb: str, context: ViewerContext) -> ConfirmationContext:
    registry = services().registry
    grace = registry.get(job.type).stop_grace if job.type in registry else _DEFAULT_GRACE
    return ConfirmationContext(
        job=job,
        files=services().jobs.attachments(job.id) if verb == "delete" else (),
        grace=rough_duration(grace),
        removed_at=_expiry(job, context) if verb == "keep-no-longer" else None,
    )


def _expiry(job: Job, context: ViewerContext) -> FormattedTime | None:
    expires_at = services().pruner.deletion_time_unless_pinned(job)
    return context.when(max(expires_at, context.now)) if expires_at else None


_ACTIONS: Mapping[str, Callable[[Services, UUID, UUID], object]] = MappingProxyType(
    {
        "stop": lambda services, job_id, by: services.jobs.cancel(job_id, by=by),
        "retry": lambda services, job_id, by: services.jobs.retry(job_id, by=by),
        "delete": lambda services, job_id, by: services.jobs.delete(job_id, by=by),
        "keep": lambda services, job_id, by: services.admin_jobs.pin(job_id, by=by),
        "keep-no-longer": lambda services, job_id, by: services.admin_jobs.unpin(job_id, by=by),
        "run-next": lambda services, job_id, by: services.admin_jobs.run_next(job_id, by=by),
        "make-public": lambda services, job_id, by: services.admin_jobs.set_public(job_id, public=True, by=by),
        "make-private": lambda services, job_id, by: services.admin_jobs.set_public(job_id, public=False, by=by),
    }
)
_AUDITED: Mapping[str, tuple[AuditAction, Mapping[str, Any] | None]] = MappingProxyType(
    {
        "stop": (AuditAction.JOB_STOP, None),
        "retry": (AuditAction.JOB_RETRY, None),
        "delete": (AuditAction.JOB_DELETE, None),
        "keep": (AuditAction.JOB_KEEP, {"kept": True}),
        "keep-no-longer": (AuditAction.JOB_KEEP, {"kept": False}),
        "run-next": (AuditAction.JOB_PRIORITY, {"next": True}),
        "make-public": (AuditAction.JOB_PUBLIC, {"public": True}),
        "make-private": (AuditAction.JOB_PUBLIC, {"public": False}),
    }
)
