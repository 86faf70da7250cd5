"""The group that a job is shared with: GET asks for it, POST changes it."""

from uuid import UUID

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp.jobs.lifecycle.create import UnknownGroup
from webapp.jobs.model.job import Job
from webapp.views.job import actions
from webapp.views.page.confirmation import Confirmation, render_confirmation
from webapp.views.page.viewer_context import own_groups
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

bp = Blueprint("sharing", __name__)


@bp.get("/jobs/<uuid:job_id>/share")
def ask(job_id: UUID) -> ResponseReturnValue:
    """Show the groups in a form."""
    job = actions.act_on(job_id, "unshare")
    return _form(job, job.shared_with or "")


@bp.post("/jobs/<uuid:job_id>/share")
def change(job_id: UUID) -> ResponseReturnValue:
    """Share the job with the group, or with none; show the form again if the group was removed meanwhile."""
    group = request.form.get("group", "")
    try:
        actions.share(job_id, group or None)
    except UnknownGroup as error:
        return _form(actions.act_on(job_id, "unshare"), "", translated(str(error))), 422
    return redirect(url_for("jobs.show", job_id=job_id), 303)


def _form(job: Job, chosen: str, error: str = "") -> str:
    current = [job.shared_with] if job.shared_with else []
    groups, is_child = sorted({*own_groups(), *current}, key=str.casefold), job.root_id is not None
    confirmation = Confirmation(
        title=_("Share this job"),
        effect=_("The members of the group can read its input, files, log and results. They cannot change it."),
        action=_("Save") if job.shared_with else _("Share job"),
        keep=_("Back"),
        notes=_notes(job),
        post=url_for("sharing.change", job_id=job.id),
        back=url_for("jobs.show", job_id=job.id),
        harmful=False,
        refusal=_refusal(groups, is_child=is_child),
    )
    return render_confirmation(confirmation, "edit_job/sharing.html", groups=groups, chosen=chosen, error=error)


def _refusal(groups: list[str], *, is_child: bool) -> str:
    if is_child:
        return _("This is a child job. It is shared with its parent job.")
    return "" if groups else _("You belong to no group. Admins add users to groups.")


def _notes(job: Job) -> tuple[str, ...]:
    children = _("Its child jobs are shared with it, also those that it still creates.")
    tenant = _("Members of other tenants see nothing of it.")
    return (*([children] if job.parts or not job.is_finished else ()), *([tenant] if job.tenant else ()))
