"""Ordering a job by its form: the page that asks, and what becomes of the answer. Start and run again share it.

An order: which type is asked for, for whom, and what its form shows first.

The page of an order: its form, what the job does, how long it takes, and how long its files are kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.jobs.definition.job_type import InvalidPayload, JobType
from webapp.jobs.definition.upload_rules import upload_rule_of
from webapp.jobs.model.job import Job, Owner
from webapp.jobs.store.file_store import StoredFile
from webapp.jobs.store.unique_keys import DuplicateJob
from webapp.views.forms.payload_form import PayloadForm
from webapp.views.forms.questions import field_specs
from webapp.views.forms.start_options import StartOptions
from webapp.views.forms.upload_staging import ReceivedFiles, StagedFileGone, UploadStaging, receive
from webapp.views.page.audit_log import record_audit
from webapp.views.page.request import services, signed_in
from webapp.views.page.viewer_context import zone
from webapp.views.text.date_format import SPACE, rough_duration
from webapp.views.text.number_format import size
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import ngettext


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """Which type, where its form is sent, for whom; of which job it is a repetition, and what that had been given."""

    job_type: JobType
    address: str
    owner: Owner
    again_of: Job | None = None
    initial: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, StoredFile] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()

    @property
    def title(self) -> str:
        """Return the title to begin with: the old one, if somebody had chosen it."""
        old = self.again_of.title if self.again_of else ""
        return old if old != self.job_type.title else ""


def show_form(submission: Submission) -> str:
    """Show the form as it is at first."""
    form = PayloadForm(
        submission.job_type.payload_class, zone=zone(), initial=submission.initial, files=submission.files
    )
    return page(submission, form, StartOptions.fresh(submission.title))


def submit(submission: Submission) -> ResponseReturnValue:
    """Take the form: start the job, or show it again with sentences."""
    job_type = submission.job_type
    brought = receive(job_type.payload_class, sent=request.files, typed=request.form, staging=staging(job_type))
    form = PayloadForm(job_type.payload_class, zone=zone(), typed=request.form, files=brought.files)
    beginning = StartOptions.of(request.form, services().queries.jobs.now(), zone())
    if form.accepts(brought.errors) and not beginning.errors:
        try:
            job = _create(submission, form, brought, beginning)
            return redirect(url_for("jobs.show", job_id=job.id), 303)
        except InvalidPayload as error:
            form.complain(error.errors)
        except StagedFileGone as error:  # swept just now
            form.complain({"": str(error)})
        except DuplicateJob:
            form.complain({"": _("The same was asked for already, and that job has not ended yet. Wait for its end.")})
    return page(submission, form, beginning), 422


def _create(submission: Submission, form: PayloadForm, brought: ReceivedFiles, beginning: StartOptions) -> Job:
    """Return the job that was ordered, which an earlier copy of the same request may have made."""
    choices: dict[str, Any] = {"title": beginning.title} if beginning.title else {}
    if submission.again_of:
        old = submission.again_of  # its priority is not taken over: an operator may have raised it
        choices |= {"again_of": old.id, "queue": old.queue, "tolerant": old.tolerant}
    content = sorted(form.values().items())
    creation = services().jobs.create_or_find_job(
        submission.job_type.name,
        form.values(),
        owner=submission.owner,
        triggered_by=signed_in().id,
        files=lambda: _input_files(submission, brought),
        run_at=beginning.run_at,
        request_key=beginning.request_key(services().secret_key, signed_in().id, content),
        **choices,
    )
    if creation.created:
        _note(submission, creation.job)
    return creation.job


def _input_files(submission: Submission, brought: ReceivedFiles) -> dict[str, StoredFile]:
    staged = staging(submission.job_type)
    return {name: staged.take(file) if name in brought.staged else file for name, file in brought.files.items()}


def _note(submission: Submission, job: Job) -> None:
    if submission.again_of:
        record_audit(
            AuditAction.JOB_RUN_AGAIN,
            AuditTarget.JOB,
            job.id,
            name=job.title,
            after={"again_of": submission.again_of.id},
        )
    else:
        record_audit(AuditAction.JOB_CREATE, AuditTarget.JOB, job.id, name=job.title, after={"type": job.type})


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file that a page shows as received already."""

    name: str
    size: str
    token: str


def page(submission: Submission, form: PayloadForm, beginning: StartOptions) -> str:
    """Show the form, with what there is to know of its type."""
    job_type, kept = submission.job_type, staging(submission.job_type)
    return render_template(
        "new_job/form.html",
        job_type=job_type,
        submission=submission,
        form=form,
        beginning=beginning,
        zone=zone().key,
        kept={
            name: ReceivedFile(file.name, size(file.size), kept.token(name, file)) for name, file in form.files.items()
        },
        usual=usual_duration_text(job_type),
        kept_for=_period(job_type.keep_files),
        upload_limits=_upload_limits(job_type),
        idle=not services().wake_ups.workers_alive(job_type.queue),
    )


def usual_duration_text(job_type: JobType) -> str:
    """Say how long jobs of a type usually take; empty if nobody knows."""
    period = services().queries.estimates.usual_duration(job_type.name)
    return rough_duration(period) if period is not None else ""


def staging(job_type: JobType) -> UploadStaging:
    """Return where this person's files wait for a form that is accepted."""
    return UploadStaging(services().files, services().secret_key, user_id=signed_in().id, type_name=job_type.name)


def _upload_limits(job_type: JobType) -> dict[str, str]:
    """Map the fields that take a file to how large it may be, in words."""
    most = services().settings.max_upload_bytes
    asked = (question.name for question in field_specs(job_type.payload_class) if question.is_upload)
    return {name: size(min(upload_rule_of(job_type.payload_class, name).max_bytes or most, most)) for name in asked}


def _period(period: timedelta) -> str:
    if not period.days:
        return rough_duration(period)
    return ngettext("%(num)s day", "%(num)s days", period.days).replace(" ", SPACE)
