"""Run again: the form of a job type, filled with the values of an earlier job."""

from uuid import UUID

from flask import Blueprint, abort, request, url_for
from flask.typing import ResponseReturnValue

from webapp.jobs.definition.field_specs import leaf_specs
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.model.job import Job
from webapp.jobs.store.job_store import JobNotFound
from webapp.views.forms.streaming_uploads import expects_files
from webapp.views.job import available_actions
from webapp.views.job.files import existing_inputs
from webapp.views.job.parameters import contains_secret, without_secrets
from webapp.views.new_job import start
from webapp.views.new_job.submission import Submission, show_form, submit
from webapp.views.page.request import job_policy, services, viewer
from webapp.views.page.viewer_context import viewer_context

bp = Blueprint("again", __name__)


def _file_count(job_id: UUID) -> int:
    return start.file_count(_type_of(job_id))


def _file_size_limit(job_id: UUID) -> int | None:
    return start.file_size_limit(_type_of(job_id))


def _total_size_limit(job_id: UUID, largest: int) -> int:
    return start.total_size_limit(_type_of(job_id), largest)


@bp.route("/jobs/<uuid:job_id>/run-again", methods=["GET", "POST"])
@expects_files(_file_count, at_most=_file_size_limit, in_total=_total_size_limit)
def form(job_id: UUID) -> ResponseReturnValue:
    """Show the form with the values of a job, or start a new job from the submitted form."""
    job = services().queries.jobs.get_visible(viewer(), job_id)
    context = viewer_context()
    if not context.may_open(job):
        abort(404)
    if refusal := available_actions.refusal("run-again", job, services().registry, context):
        abort(409 if context.may_act(job) else 403, refusal)
    submission = _submission(job, start.startable(job.type))
    return submit(submission) if request.method == "POST" else show_form(submission)


def _submission(job: Job, job_type: JobType) -> Submission:
    leaves = list(leaf_specs(job_type.payload_class))
    secrets = frozenset(spec.name for spec in leaves if contains_secret(spec.value_in(job.payload)))
    return Submission(
        job_type=job_type,
        address=url_for("again.form", job_id=job.id),
        owner=job_policy().owner,  # its handler acts with the permissions of the owner
        again_of=job,
        initial=without_secrets(job.payload),
        files=existing_inputs(job, job_type),
        secrets=secrets,
    )


def _type_of(job_id: UUID) -> str:
    try:
        return services().queries.jobs.get_visible(viewer(), job_id).type
    except JobNotFound:
        return ""
