"""Edit a job that waits: its input in the form of its type, its place, its time and its tags."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.permissions import Right
from webapp.jobs.definition.job_type import InvalidPayload, JobType
from webapp.jobs.editing.job_edit import JobEdit
from webapp.jobs.model.job import BadRequest, Job
from webapp.jobs.queueing.queues import UnknownQueue
from webapp.jobs.store.job_store import StaleJob
from webapp.jobs.store.unique_keys import DuplicateJob
from webapp.views.edit_job.place_fields import PlaceFields
from webapp.views.forms.kept_secrets import stored_secrets, with_kept_secrets
from webapp.views.forms.payload_form import PayloadForm
from webapp.views.job import actions
from webapp.views.job.available_actions import edit_refusal
from webapp.views.job.files import existing_inputs
from webapp.views.page.audit_log import record_edit
from webapp.views.page.permissions import may
from webapp.views.page.request import services, signed_in
from webapp.views.page.viewer_context import viewer_context, zone
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

bp = Blueprint("edit_job", __name__)


@bp.get("/jobs/<uuid:job_id>/edit")
def show(job_id: UUID) -> ResponseReturnValue:
    """Show the values of a waiting job in a form."""
    job = _editable(job_id)
    job_type = _type_with_input(job)
    form = _form(job_type, initial=job.payload) if job_type else None
    return _page(job, form, PlaceFields.of(job, zone()))


@bp.post("/jobs/<uuid:job_id>/edit")
def save(job_id: UUID) -> ResponseReturnValue:
    """Save what the form changes, or show it again with a sentence for each mistake (422) or conflict (409)."""
    job = _editable(job_id)
    job_type = _type_with_input(job)
    place = PlaceFields.typed(request.form, zone())
    form = _typed_form(job_type, job) if job_type else None
    if (form is None or form.accepts()) and not place.errors:
        try:
            edit_job(job.id, replace(place.edit(job, zone()), payload=form.values() if form else None))
            return redirect(url_for("jobs.show", job_id=job.id), 303)
        except InvalidPayload as error:
            if form is not None:
                form.add_errors(error.errors)
        except UnknownQueue as error:
            place = place.with_error("queue", translated(str(error)))
        except (BadRequest, DuplicateJob) as error:
            place = place.with_error("", translated(str(error)))
        except StaleJob:
            message = _("Somebody else has changed this job meanwhile. Check your values and save again.")
            current = services().jobs.get(job.id)
            return _page(current, form, replace(place.with_error("", message), version=current.version)), 409
    return _page(job, form, place), 422


def edit_job(job_id: UUID, edit: JobEdit) -> Job:
    """Edit a waiting job for the signed-in user; the page and the API call it. Raises what `JobEditor.edit` raises."""
    actions.act_on(job_id, "edit")
    if not may(Right.ACT_ON_ALL_JOBS) and (edit.queue is not None or edit.priority is not None):
        abort(403, _("Only operators can change the queue and the priority."))
    return services().job_editor.edit(job_id, edit, by=signed_in().id, record=record_edit)[1]


def _editable(job_id: UUID) -> Job:
    job = actions.act_on(job_id, "edit")
    if refusal := edit_refusal(job, viewer_context()):
        abort(409, refusal)
    return job


def _type_with_input(job: Job) -> JobType | None:
    """Return the type if the input of the job can change; None if only its place, time and tags can."""
    return None if services().job_editor.input_refusal(job) else services().registry.get(job.type)


def _typed_form(job_type: JobType, job: Job) -> PayloadForm:
    typed = with_kept_secrets(job_type.payload_class, request.form, job.payload, services().vault)
    return _form(job_type, typed=typed, files=existing_inputs(job, job_type))


def _form(job_type: JobType, **values: Any) -> PayloadForm:
    return PayloadForm(job_type.payload_class, zone=zone(), **values)


def _page(job: Job, form: PayloadForm | None, place: PlaceFields) -> str:
    operates = may(Right.ACT_ON_ALL_JOBS)
    return render_template(
        "edit_job/edit.html",
        job=job,
        form=form,
        place=place,
        input_refusal=translated(services().job_editor.input_refusal(job)),
        kept={},
        stored_secrets=stored_secrets(form.payload_class, job.payload) if form else {},
        operates=operates,
        queues=[queue.name for queue in services().queues.all()] if operates else (),
        zone=zone().key,
    )
