"""The parts of a job, page by page, and narrowed to those that ended badly or have not ended."""

from collections.abc import Mapping
from types import MappingProxyType
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp.jobs.job import TERMINAL, UNFINISHED, Status
from webapp.views.current import services
from webapp.views.parts import rows
from webapp.views.reader import reader
from webapp.views.texts import gettext as _
from webapp.views.viewer import viewer

bp = Blueprint("children", __name__)
PAGE = 50
_WHICH: Mapping[str, frozenset[Status]] = MappingProxyType(
    {
        "": frozenset(),
        "failed": frozenset({Status.FAILED, Status.STALE}),
        "unfinished": UNFINISHED,
        "ended": TERMINAL,
    }
)


@bp.get("/jobs/<uuid:job_id>/children")
def index(job_id: UUID) -> ResponseReturnValue:
    """Show a page of the parts, in the order they were made."""
    job = services().jobs.visible(viewer(), job_id)
    which = request.args.get("which", "")
    which = which if which in _WHICH else ""
    after = request.args.get("after", None, UUID)
    found = services().jobs.children(job.id, after=after, statuses=sorted(_WHICH[which]), limit=PAGE + 1)
    reading = reader()
    return render_template(
        "jobs/children.html",
        job=job,
        parts=rows(found[:PAGE], reading, opened=reading.may_open(job)),
        which=which,
        after=after,
        later=found[PAGE - 1].id if len(found) > PAGE else None,
        tabs={"": _("All"), "unfinished": _("Not ended"), "failed": _("Failed"), "ended": _("Ended")},
    )
