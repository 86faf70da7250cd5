"""The page of an order: its form, what the job does, how long it takes, and how long its files are kept."""

from dataclasses import dataclass
from datetime import timedelta

from flask import render_template

from webapp.jobs.job_type import JobType
from webapp.jobs.uploads import taken_by
from webapp.views.current import services
from webapp.views.forms.beginning import Beginning
from webapp.views.forms.form import PayloadForm
from webapp.views.forms.questions import questions
from webapp.views.forms.staged import Staging
from webapp.views.locales import size
from webapp.views.moments import SPACE, rough
from webapp.views.order import Order
from webapp.views.reader import zone
from webapp.views.texts import ngettext
from webapp.views.viewer import signed_in


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that a page shows as received already."""

    name: str
    size: str
    token: str


def page(order: Order, form: PayloadForm, beginning: Beginning) -> str:
    """Show the form, with what there is to know of its type."""
    job_type, kept = order.job_type, staging(order.job_type)
    return render_template(
        "jobs/new_type.html",
        job_type=job_type,
        order=order,
        form=form,
        beginning=beginning,
        zone=zone().key,
        kept={name: Kept(file.name, size(file.size), kept.token(name, file)) for name, file in form.files.items()},
        usual=usual(job_type),
        kept_for=_period(job_type.keep_files),
        upload_limits=_upload_limits(job_type),
        idle=not services().wake_ups.workers_alive(job_type.queue),
    )


def usual(job_type: JobType) -> str:
    """Say how long jobs of a type usually take; empty if nobody knows."""
    period = services().jobs.usual_duration(job_type.name)
    return rough(period) if period is not None else ""


def staging(job_type: JobType) -> Staging:
    """Return where this person's files wait for a form that is accepted."""
    return Staging(services().files, services().secret_key, user_id=signed_in().id, type_name=job_type.name)


def _upload_limits(job_type: JobType) -> dict[str, str]:
    """Map the fields that take a file to how large it may be, in words."""
    most = services().settings.max_upload_bytes
    asked = (question.name for question in questions(job_type.payload_class) if question.is_upload)
    return {name: size(min(taken_by(job_type.payload_class, name).max_bytes or most, most)) for name in asked}


def _period(period: timedelta) -> str:
    if not period.days:
        return rough(period)
    return ngettext("%(num)s day", "%(num)s days", period.days).replace(" ", SPACE)
