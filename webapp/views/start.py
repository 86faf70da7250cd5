"""Starting a job: the catalogue of what can be started, and a form made from the typed payload."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.audit import Action, Kind
from webapp.jobs.job import Job, Owner
from webapp.jobs.job_type import InvalidPayload, JobType
from webapp.jobs.uploads import taken_by
from webapp.jobs.words import size
from webapp.views.auditing import note
from webapp.views.current import services
from webapp.views.forms.form import PayloadForm
from webapp.views.forms.incoming import Brought, receive
from webapp.views.forms.questions import questions
from webapp.views.forms.staged import NotStaged, Staging
from webapp.views.forms.uploads import expects_files
from webapp.views.moments import rough
from webapp.views.viewer import signed_in
from webapp.views.wording import counted

bp = Blueprint("start", __name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that a page shows as received already."""

    name: str
    size: str
    token: str


@bp.get("/jobs/new")
def catalogue() -> ResponseReturnValue:
    """Show all that this person can start, by group."""
    offered = sorted(filter(_may_start, services().registry), key=attrgetter("group"))
    groups = {group: tuple(types) for group, types in groupby(offered, key=attrgetter("group"))}
    usual = {job_type.name: _usual(job_type) for job_type in offered}
    return render_template("jobs/new.html", groups=groups, usual=usual)


def _expected(type_name: str) -> int:
    job_type = _known(type_name)
    return len(job_type.uploads) if job_type else 0


def _largest(type_name: str) -> int | None:
    job_type = _known(type_name)
    limits = [taken_by(job_type.payload_class, field).max_bytes for field in job_type.uploads] if job_type else []
    return None if None in limits else max(filter(None, limits), default=None)


@bp.route("/jobs/new/<type_name>", methods=["GET", "POST"])
@expects_files(_expected, at_most=_largest)
def form(type_name: str) -> ResponseReturnValue:
    """Ask for the payload; start the job once it fits."""
    job_type = _startable(type_name)
    if request.method == "POST":
        return _start(job_type)
    return _page(job_type, PayloadForm(job_type.payload_class, zone=_zone()))


def _start(job_type: JobType) -> ResponseReturnValue:
    brought = receive(job_type.payload_class, sent=request.files, typed=request.form, staging=_staging(job_type))
    form = PayloadForm(job_type.payload_class, zone=_zone(), typed=request.form, files=brought.files)
    if form.accepts(brought.errors):
        try:
            job = _create(job_type, form, brought)
            note(Action.JOB_CREATE, Kind.JOB, job.id, name=job.title, after={"type": job.type})
            return redirect(url_for("jobs.show", job_id=job.id), 303)
        except InvalidPayload as error:
            form.complain(error.errors)
        except NotStaged as error:  # swept just now
            form.complain({"": str(error)})
    return _page(job_type, form), 422


def _create(job_type: JobType, form: PayloadForm, brought: Brought) -> Job:
    person, staging = signed_in(), _staging(job_type)
    files = {name: staging.take(file) if name in brought.staged else file for name, file in brought.files.items()}
    return services().jobs.create_job(
        job_type.name,
        form.values(),
        owner=Owner(user_id=person.id, tenant=person.tenant),
        triggered_by=person.id,
        files=files,
    )


def _page(job_type: JobType, form: PayloadForm) -> str:
    staging = _staging(job_type)
    return render_template(
        "jobs/new_type.html",
        job_type=job_type,
        form=form,
        kept={name: Kept(file.name, size(file.size), staging.token(name, file)) for name, file in form.files.items()},
        usual=_usual(job_type),
        kept_for=_period(job_type.keep_files),
        upload_limits=_upload_limits(job_type),
    )


def _upload_limits(job_type: JobType) -> dict[str, str]:
    """Map the fields that take a file to how large it may be, in words."""
    most = services().settings.max_upload_bytes
    asked = (question.name for question in questions(job_type.payload_class) if question.is_upload)
    return {name: size(min(taken_by(job_type.payload_class, name).max_bytes or most, most)) for name in asked}


def _usual(job_type: JobType) -> str:
    period = services().jobs.usual_duration(job_type.name)
    return rough(period) if period is not None else ""


def _period(period: timedelta) -> str:
    return counted(period.days, "day") if period.days else rough(period)


def _startable(type_name: str) -> JobType:
    return _known(type_name) or abort(404)


def _known(type_name: str) -> JobType | None:
    """A type that this person may not start looks like none at all."""
    registry = services().registry
    job_type = registry.get(type_name) if type_name in registry else None
    return job_type if job_type and _may_start(job_type) else None


def _may_start(job_type: JobType) -> bool:
    return job_type.listed and job_type.may_be_started_by(signed_in().role)


def _staging(job_type: JobType) -> Staging:
    return Staging(services().files, services().secret_key, user_id=signed_in().id, type_name=job_type.name)


def _zone() -> ZoneInfo:
    return ZoneInfo(signed_in().timezone or services().settings.timezone)
