"""Starts a job from its form: shows the form, checks the input, and creates the job.

"Start a job" and "Run again" share it.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from webapp.accounts.audit_log import AuditAction
from webapp.db.joined_insert import JoinedRow
from webapp.jobs.budgets.admission import BudgetUsedUp
from webapp.jobs.definition.disabled_types import TypeDisabled
from webapp.jobs.definition.field_specs import field_specs
from webapp.jobs.definition.job_type import InvalidPayload, JobError, JobType
from webapp.jobs.definition.previews import TablePreview
from webapp.jobs.definition.titles import usual_title
from webapp.jobs.definition.upload_rules import UploadRule, upload_rules
from webapp.jobs.lifecycle.create import UnknownGroup, choices_of_copy
from webapp.jobs.model.job import Job, Owner
from webapp.jobs.schedules.job_factory import can_be_scheduled
from webapp.jobs.store.file_store import StoredFile
from webapp.jobs.store.unique_keys import DuplicateJob
from webapp.views.budgets.own_budget import own_budget
from webapp.views.forms.payload_form import PayloadForm
from webapp.views.forms.start_options import StartOptions
from webapp.views.forms.upload_staging import ReceivedFiles, StagedFileGone, TakenFiles, UploadStaging, receive
from webapp.views.new_job.presets import SAVE, FilledIn, save_typed
from webapp.views.page.audit_log import acting_for, record_creation
from webapp.views.page.error_pages import visible_holder
from webapp.views.page.permissions import can_add_own_schedules
from webapp.views.page.request import services, signed_in
from webapp.views.page.viewer_context import own_groups, zone
from webapp.views.security import reauthentication
from webapp.views.text.approval_text import approval_needed_text
from webapp.views.text.date_format import SPACE, rough_duration
from webapp.views.text.number_format import size
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import language, ngettext

PREVIEW = "job.preview"  # the name of the form's second button


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a form starts: a type, for an owner; with ``again_of``, the values and files of that job are filled in."""

    job_type: JobType
    address: str
    owner: Owner
    again_of: Job | None = None
    initial: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Sequence[StoredFile]] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    offer: FilledIn = field(default_factory=FilledIn)

    @property
    def title(self) -> str:
        """The initial title: that of the earlier job, unless its type gave it that title."""
        if self.again_of is None:
            return ""
        usual = usual_title(self.job_type, self.again_of.payload, services().vault)
        return self.again_of.title if self.again_of.title != usual else ""


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file that the form shows as already uploaded."""

    name: str
    size: str
    token: str


def show_form(submission: Submission) -> str:
    """Return the page with the form in its initial state."""
    form = PayloadForm(
        submission.job_type.payload_class, zone=zone(), initial=submission.initial, files=submission.files
    )
    return render_form(
        submission, form, StartOptions.fresh(submission.title, submission.again_of.tags if submission.again_of else ())
    )


def submit(submission: Submission) -> ResponseReturnValue:
    """Start the job and redirect to it, or return the form with its errors (422)."""
    job_type = submission.job_type
    received = receive(
        job_type.payload_class,
        sent=request.files,
        typed=request.form,
        staging=staging(job_type),
        largest=services().settings.max_upload_bytes,
    )
    form = PayloadForm(job_type.payload_class, zone=zone(), typed=request.form, files=received.files)
    start_options = StartOptions.of(request.form, services().queries.jobs.now(), zone(), _groups(job_type))
    status = 422
    is_valid = form.accepts(received.errors) and not start_options.errors
    if SAVE in request.form:
        return _saved(submission, form, received, start_options)
    if job_type.preview and PREVIEW in request.form and not form.errors:
        return _previewed(submission, form, received, start_options)
    if password_error := reauthentication.own_password_error() if job_type.asks_password else "":
        form.add_errors({"": password_error})
    elif is_valid:
        try:
            job = _create(submission, form, received, start_options)
            return redirect(url_for("jobs.show", job_id=job.id), 303)
        except InvalidPayload as error:
            form.add_errors(error.errors)
        except StagedFileGone as error:  # deleted meanwhile
            form.add_errors({"": str(error)})
        except DuplicateJob as error:
            form.add_errors({"": _duplicate_message(error)})
        except (BudgetUsedUp, UnknownGroup) as error:  # the group was removed meanwhile
            form.add_errors({"": translated(str(error))})
            status = 409
        except TypeDisabled:
            received.discard(services().files)
            raise
    staging(job_type).stage(received.new, received.staged)
    return render_form(submission, form, start_options), status


def _saved(
    submission: Submission, form: PayloadForm, received: ReceivedFiles, start_options: StartOptions
) -> ResponseReturnValue:
    """Save the values as a preset and return the form as it was; its files are kept for the next submission."""
    job_type, values = submission.job_type, form.values()
    form.forget_errors()  # whoever saves values does not start a job
    if problem := save_typed(job_type, values):
        form.add_errors({"": problem})
    staging(job_type).stage(received.new, received.staged)
    return render_form(submission, form, start_options), 422 if problem else 200


def _previewed(
    submission: Submission, form: PayloadForm, received: ReceivedFiles, start_options: StartOptions
) -> ResponseReturnValue:
    """Return the form with a preview of its files, which are kept for the next submission."""
    job_type, preview = submission.job_type, None
    assert job_type.preview is not None  # noqa: S101  (the caller has looked)
    with ExitStack() as opened:
        files = {name: opened.enter_context(services().files.open(files[0].id)) for name, files in form.files.items()}
        try:
            preview = job_type.preview(job_type.payload_class.model_validate(form.values()), files)
        except JobError as error:
            form.add_errors({"": str(error)})
    staging(job_type).stage(received.new, received.staged)
    return render_form(submission, form, start_options, preview), 200 if preview else 422


def render_form(
    submission: Submission, form: PayloadForm, start_options: StartOptions, preview: TablePreview | None = None
) -> str:
    """Return the page with the form and the facts about the job type."""
    job_type, kept = submission.job_type, staging(submission.job_type)
    return render_template(
        "new_job/form.html",
        job_type=job_type,
        submission=submission,
        form=form,
        preview=preview,
        start_options=start_options,
        groups=_groups(job_type),
        zone=zone().key,
        kept={
            name: [ReceivedFile(file.name, size(file.size), kept.token(name, file)) for file in files]
            for name, files in form.files.items()
        },
        usual=usual_duration_text(job_type),
        approval=approval_needed_text(job_type.approval),
        kept_for=_period_text(job_type.keep_files),
        upload_limits=_upload_limits(job_type),
        budget=own_budget(),
        repeats=can_be_scheduled(job_type) and can_add_own_schedules(),
        idle=not services().wake_ups.workers_alive(job_type.queue),
    )


def _groups(job_type: JobType) -> tuple[str, ...]:
    """Return the groups with which the user can share a job of a type."""
    return () if job_type.private_output else own_groups()


def usual_duration_text(job_type: JobType) -> str:
    """Return how long jobs of a type usually take; empty if unknown."""
    period = services().queries.estimates.usual_duration(job_type.name)
    return rough_duration(period) if period is not None else ""


def staging(job_type: JobType) -> UploadStaging:
    """Return the store of files that wait until the form is valid."""
    return UploadStaging(services().files, services().secret_keys, user_id=signed_in().id, type_name=job_type.name)


def _create(submission: Submission, form: PayloadForm, received: ReceivedFiles, start_options: StartOptions) -> Job:
    """Create the job, or return the one that an earlier copy of the same request created."""
    choices: dict[str, Any] = {"title": start_options.title} if start_options.title else {}
    if submission.again_of:
        choices |= choices_of_copy(submission.again_of)
    choices["tags"] = start_options.tags
    if start_options.group:
        choices["shared_with"] = start_options.group
    content = sorted(form.values().items())
    taken = TakenFiles(staging(submission.job_type), received)
    try:
        creation = services().jobs.create_or_find_job(
            submission.job_type.name,
            _in_reader_language(submission.job_type, form.values()),
            owner=submission.owner,
            triggered_by=signed_in().id,
            files=lambda: {name: [taken.add(file) for file in files] for name, files in form.files.items()},
            run_at=start_options.run_at,
            request_key=start_options.request_key(services().secret_key, signed_in().id, content),
            record=partial(_line_of, submission),
            **choices,
        )
    except (
        InvalidPayload,
        StagedFileGone,
        DuplicateJob,
        TypeDisabled,
        BudgetUsedUp,
        UnknownGroup,
    ):  # nothing was written
        taken.discard(services().files)
        raise
    used = [file for files in form.files.values() for file in files]
    received.discard(services().files, used if creation.created else ())
    if not creation.created:
        taken.discard(services().files)
    return creation.job


def _in_reader_language(job_type: JobType, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with the language of this page in place of ``auto`` in fields that follow their reader."""
    follows = {spec.name for spec in field_specs(job_type.payload_class) if spec.schema.get("reader_language")}
    return {name: language() if name in follows and value == "auto" else value for name, value in values.items()}


def _duplicate_message(error: DuplicateJob) -> str:
    """Return the message for a duplicate, with a link to the other job if the user can see it."""
    message = _("An identical job is already running.")
    if (other := visible_holder(error)) is None:
        return message
    link = Markup('<a href="{}">{} ({})</a>').format(url_for("jobs.show", job_id=other.id), other.title, other.short_id)
    return Markup("{} {}").format(message, link)


def _line_of(submission: Submission, job: Job) -> JoinedRow:
    """Return the line of the audit log about a new job."""
    if submission.again_of:
        return record_creation(job, action=AuditAction.JOB_RUN_AGAIN, after={"again_of": submission.again_of.id})
    return record_creation(job, after={"type": job.type, **acting_for(job.owner.user_id)})


def _upload_limits(job_type: JobType) -> dict[str, str]:
    """Return a sentence with the limits of each upload field."""
    return {name: _upload_limit(rule) for name, rule in upload_rules(job_type.payload_class).items()}


def _upload_limit(rule: UploadRule) -> str:
    largest = services().settings.max_upload_bytes
    each = size(min(rule.max_bytes or largest, largest))
    if not rule.is_list:
        return _("At most %(size)s.", size=each)
    return _(
        "At most %(count)s files of %(size)s each, together %(total)s.",
        count=rule.max_files,
        size=each,
        total=size(rule.total_limit(largest)),
    )


def _period_text(period: timedelta) -> str:
    if not period.days:
        return rough_duration(period)
    return ngettext("%(num)s day", "%(num)s days", period.days).replace(" ", SPACE)
