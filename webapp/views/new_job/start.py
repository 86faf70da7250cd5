"""Starting a job: the catalogue of what can be started, and a form made from the typed payload."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.jobs.definition.disabled_types import DisabledType
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.definition.upload_rules import upload_rule_of
from webapp.jobs.model.job import Owner
from webapp.views.forms.streaming_uploads import expects_files
from webapp.views.new_job.submission import Submission, show_form, submit, usual_duration_text
from webapp.views.page.request import services, signed_in, viewer
from webapp.views.page.viewer_context import viewer_context
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

bp = Blueprint("start", __name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A job type in the catalogue; texts are empty and ``last`` None where there is nothing to tell."""

    job_type: JobType
    refusal: str
    usual: str
    last: FormattedTime | None

    @property
    def group(self) -> str:
        """Under which heading it stands, in the reader's language."""
        return translated(self.job_type.group)


@bp.get("/jobs/new")
def catalogue() -> ResponseReturnValue:
    """Show all that this person can start, by group."""
    tiles = sorted(_tiles(filter(_may_start, services().registry)), key=attrgetter("group"))
    groups = {group: tuple(those) for group, those in groupby(tiles, key=attrgetter("group"))}
    return render_template("new_job/catalogue.html", groups=groups)


def expected(type_name: str) -> int:
    """Return how many files a form may bring."""
    job_type = _known(type_name)
    return len(job_type.uploads) if job_type else 0


def largest(type_name: str) -> int | None:
    """Return how many bytes the largest of them may have; ``None`` where no field says so."""
    job_type = _known(type_name)
    limits = [upload_rule_of(job_type.payload_class, field).max_bytes for field in job_type.uploads] if job_type else []
    return None if None in limits else max(filter(None, limits), default=None)


@bp.route("/jobs/new/<type_name>", methods=["GET", "POST"])
@expects_files(expected, at_most=largest)
def form(type_name: str) -> ResponseReturnValue:
    """Ask for the payload; start the job once it fits."""
    person, job_type = signed_in(), startable(type_name)
    submission = Submission(
        job_type=job_type,
        address=url_for("start.form", type_name=job_type.name),
        owner=Owner(user_id=person.id, tenant=person.tenant),
    )
    return submit(submission) if request.method == "POST" else show_form(submission)


def startable(type_name: str) -> JobType:
    """Return a type that this person may start; else end the request."""
    return _known(type_name) or abort(404)


def _tiles(types: Iterable[JobType]) -> tuple[Tile, ...]:
    last, reading = services().queries.estimates.last_started(viewer()), viewer_context()
    disabled = services().disabled_types.all()
    return tuple(
        Tile(
            job_type=job_type,
            refusal=_refusal(disabled.get(job_type.name)),
            usual=usual_duration_text(job_type),
            last=reading.when(last[job_type.name]) if job_type.name in last else None,
        )
        for job_type in types
    )


def _refusal(disabled: DisabledType | None) -> str:
    if disabled is None:
        return ""
    if reason := disabled.reason.rstrip("."):
        return _("It cannot be started for now: %(reason)s.", reason=reason)
    return _("It cannot be started for now.")


def _known(type_name: str) -> JobType | None:
    """A type that this person may not start looks like none at all."""
    registry = services().registry
    job_type = registry.get(type_name) if type_name in registry else None
    return job_type if job_type and _may_start(job_type) else None


def _may_start(job_type: JobType) -> bool:
    return job_type.listed and job_type.may_be_started_by(signed_in().role)
