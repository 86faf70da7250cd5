"""Ordering a job by its form: the page that asks, and what becomes of the answer. Start and run again share it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import ngettext

from webapp.accounts.audit import Action, Kind
from webapp.jobs import asked_once
from webapp.jobs.files import StoredFile
from webapp.jobs.job import Job, Owner
from webapp.jobs.job_type import InvalidPayload, JobType
from webapp.jobs.uploads import taken_by
from webapp.jobs.words import size
from webapp.views.auditing import note
from webapp.views.current import services
from webapp.views.forms.beginning import Beginning
from webapp.views.forms.form import PayloadForm
from webapp.views.forms.incoming import Brought, receive
from webapp.views.forms.questions import questions
from webapp.views.forms.staged import NotStaged, Staging
from webapp.views.moments import SPACE, rough
from webapp.views.viewer import signed_in


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that a page shows as received already."""

    name: str
    size: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
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


def ask(order: Order) -> str:
    """Show the form as it is at first."""
    form = PayloadForm(order.job_type.payload_class, zone=zone(), initial=order.initial, files=order.files)
    return _page(order, form, Beginning.fresh(order.title))


def take(order: Order) -> ResponseReturnValue:
    """Take the form: start the job, or show it again with sentences."""
    job_type = order.job_type
    brought = receive(job_type.payload_class, sent=request.files, typed=request.form, staging=_staging(job_type))
    form = PayloadForm(job_type.payload_class, zone=zone(), typed=request.form, files=brought.files)
    beginning = Beginning.of(request.form, services().jobs.now(), zone())
    if form.accepts(brought.errors) and not beginning.errors:
        try:
            job_id = _ordered(order, form, brought, beginning)
            return redirect(url_for("jobs.show", job_id=job_id), 303)
        except InvalidPayload as error:
            form.complain(error.errors)
        except NotStaged as error:  # swept just now
            form.complain({"": str(error)})
    return _page(order, form, beginning), 422


def usual(job_type: JobType) -> str:
    """Say how long jobs of a type usually take; empty if nobody knows."""
    period = services().jobs.usual_duration(job_type.name)
    return rough(period) if period is not None else ""


def zone() -> ZoneInfo:
    """Return the zone on whose clock this person types."""
    return ZoneInfo(signed_in().timezone or services().settings.timezone)


def _ordered(order: Order, form: PayloadForm, brought: Brought, beginning: Beginning) -> UUID:
    """Return the job that was ordered, which an earlier copy of the same request may have made."""
    content = sorted(form.values().items())
    key = beginning.request_key(services().secret_key, signed_in().id, content)
    if (made := asked_once.answered(services().engine, key)) is not None:
        return made
    job = _create(order, form, brought, beginning, request_key=key)
    _note(order, job)
    return job.id


def _create(order: Order, form: PayloadForm, brought: Brought, beginning: Beginning, *, request_key: str | None) -> Job:
    staging = _staging(order.job_type)
    choices: dict[str, Any] = {"title": beginning.title} if beginning.title else {}
    if order.again_of:
        choices["again_of"] = order.again_of.id
    files = {name: staging.take(file) if name in brought.staged else file for name, file in brought.files.items()}
    return services().jobs.create_job(
        order.job_type.name,
        form.values(),
        owner=order.owner,
        triggered_by=signed_in().id,
        files=files,
        run_at=beginning.run_at,
        request_key=request_key,
        **choices,
    )


def _note(order: Order, job: Job) -> None:
    if order.again_of:
        note(Action.JOB_RUN_AGAIN, Kind.JOB, job.id, name=job.title, after={"again_of": order.again_of.id})
    else:
        note(Action.JOB_CREATE, Kind.JOB, job.id, name=job.title, after={"type": job.type})


def _page(order: Order, form: PayloadForm, beginning: Beginning) -> str:
    job_type, staging = order.job_type, _staging(order.job_type)
    return render_template(
        "jobs/new_type.html",
        job_type=job_type,
        order=order,
        form=form,
        beginning=beginning,
        zone=zone().key,
        kept={name: Kept(file.name, size(file.size), staging.token(name, file)) for name, file in form.files.items()},
        usual=usual(job_type),
        kept_for=_period(job_type.keep_files),
        upload_limits=_upload_limits(job_type),
        idle=not services().wake_ups.workers_alive(job_type.queue),
    )


def _upload_limits(job_type: JobType) -> dict[str, str]:
    """Map the fields that take a file to how large it may be, in words."""
    most = services().settings.max_upload_bytes
    asked = (question.name for question in questions(job_type.payload_class) if question.is_upload)
    return {name: size(min(taken_by(job_type.payload_class, name).max_bytes or most, most)) for name in asked}


def _period(period: timedelta) -> str:
    if not period.days:
        return rough(period)
    return ngettext("%(num)s day", "%(num)s days", period.days).replace(" ", SPACE)


def _staging(job_type: JobType) -> Staging:
    return Staging(services().files, services().secret_key, user_id=signed_in().id, type_name=job_type.name)
