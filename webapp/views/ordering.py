"""Ordering a job by its form: the page that asks, and what becomes of the answer. Start and run again share it."""

from typing import Any
from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.audit import Action, Kind
from webapp.jobs import asked_once
from webapp.jobs.job import Job
from webapp.jobs.job_type import InvalidPayload
from webapp.jobs.uniqueness import DuplicateJob
from webapp.views.auditing import note
from webapp.views.current import services
from webapp.views.forms.beginning import Beginning
from webapp.views.forms.form import PayloadForm
from webapp.views.forms.incoming import Brought, receive
from webapp.views.forms.staged import NotStaged
from webapp.views.order import Order
from webapp.views.order_page import page, staging
from webapp.views.reader import zone
from webapp.views.texts import gettext as _
from webapp.views.viewer import signed_in


def ask(order: Order) -> str:
    """Show the form as it is at first."""
    form = PayloadForm(order.job_type.payload_class, zone=zone(), initial=order.initial, files=order.files)
    return page(order, form, Beginning.fresh(order.title))


def take(order: Order) -> ResponseReturnValue:
    """Take the form: start the job, or show it again with sentences."""
    job_type = order.job_type
    brought = receive(job_type.payload_class, sent=request.files, typed=request.form, staging=staging(job_type))
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
        except DuplicateJob:
            form.complain({"": _("The same was asked for already, and that job has not ended yet. Wait for its end.")})
    return page(order, form, beginning), 422


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
    received = staging(order.job_type)
    choices: dict[str, Any] = {"title": beginning.title} if beginning.title else {}
    if order.again_of:
        old = order.again_of  # its priority is not taken over: an operator may have raised it
        choices |= {"again_of": old.id, "queue": old.queue, "tolerant": old.tolerant}
    files = {name: received.take(file) if name in brought.staged else file for name, file in brought.files.items()}
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
