"""Start a job: the catalogue of job types, and a form generated from the payload class."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.jobs.definition.disabled_types import DisabledType
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.definition.upload_rules import upload_rules
from webapp.jobs.model.job import Owner
from webapp.views.forms.streaming_uploads import expects_files
from webapp.views.new_job.presets import favourites, filled_in
from webapp.views.new_job.submission import Submission, show_form, submit, usual_duration_text
from webapp.views.page.request import job_policy, services, signed_in, viewer
from webapp.views.page.viewer_context import viewer_context
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

bp = Blueprint("start", __name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A job type in the catalogue; ``refusal`` and ``usual`` may be empty, ``last`` is None before the first run."""

    job_type: JobType
    refusal: str
    usual: str
    last: FormattedTime | None
    favourite: bool = False

    @property
    def group(self) -> str:
        """The heading of the tile, in the language of the page."""
        return translated(self.job_type.group)


@bp.get("/jobs/new")
def catalogue() -> ResponseReturnValue:
    """Show the job types that the user can start: favourites, then all of them by group."""
    tiles = sorted(_tiles(filter(_may_start, services().registry)), key=attrgetter("group"))
    groups = {group: tuple(members) for group, members in groupby(tiles, key=attrgetter("group"))}
    if chosen := tuple(tile for tile in tiles if tile.favourite):
        groups = {_("Favourites"): chosen, **groups}
    return render_template("new_job/catalogue.html", groups=groups)


def file_count(type_name: str) -> int:
    """Return how many files the form of a type can upload."""
    job_type = _startable_type(type_name)
    return sum(rule.max_files for rule in upload_rules(job_type.payload_class).values()) if job_type else 0


def file_size_limit(type_name: str) -> int | None:
    """Return the maximum size of one file in bytes; None if a field has no limit of its own."""
    job_type = _startable_type(type_name)
    limits = [rule.max_bytes for rule in upload_rules(job_type.payload_class).values()] if job_type else []
    return None if None in limits else max(filter(None, limits), default=None)


def total_size_limit(type_name: str, largest: int) -> int:
    """Return the maximum size of all files in bytes; ``largest`` is the limit of one file."""
    job_type = _startable_type(type_name)
    rules = upload_rules(job_type.payload_class).values() if job_type else ()
    return sum(rule.total_limit(largest) for rule in rules)


@bp.route("/jobs/new/<type_name>", methods=["GET", "POST"])
@expects_files(file_count, at_most=file_size_limit, in_total=total_size_limit)
def form(type_name: str) -> ResponseReturnValue:
    """Show the form, or start the job when the submitted form is valid."""
    user, job_type = signed_in(), startable(type_name)
    offer = filled_in(job_type)
    submission = Submission(
        job_type=job_type,
        address=url_for("start.form", type_name=job_type.name),
        owner=Owner(user_id=user.id, tenant=user.tenant),
        initial=offer.values or {},
        offer=offer,
    )
    return submit(submission) if request.method == "POST" else show_form(submission)


def startable(type_name: str) -> JobType:
    """Return a type that the user can start, or end the request with 404."""
    return _startable_type(type_name) or abort(404)


def _tiles(types: Iterable[JobType]) -> tuple[Tile, ...]:
    last, context = services().queries.estimates.last_started(viewer()), viewer_context()
    disabled, chosen = services().disabled_types.all(), favourites()
    return tuple(
        Tile(
            job_type=job_type,
            refusal=_disabled_text(disabled.get(job_type.name)),
            usual=usual_duration_text(job_type),
            last=context.when(last[job_type.name]) if job_type.name in last else None,
            favourite=job_type.name in chosen,
        )
        for job_type in types
    )


def _disabled_text(disabled: DisabledType | None) -> str:
    if disabled is None:
        return ""
    if reason := disabled.reason.rstrip("."):
        return _("Disabled: %(reason)s.", reason=reason)
    return _("This job type is disabled.")


def _startable_type(type_name: str) -> JobType | None:
    """Return the type; None if it does not exist or the user cannot start it."""
    registry = services().registry
    job_type = registry.get(type_name) if type_name in registry else None
    return job_type if job_type and _may_start(job_type) else None


def _may_start(job_type: JobType) -> bool:
    return job_type.listed and job_policy().may_start(job_type.name)
