"""The parts of a root as rows of a table.

The parts of a job, page by page, and narrowed to those that ended badly or have not ended.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp.jobs.model.job import TERMINAL, UNFINISHED, Job, Status
from webapp.views.page.request import services, viewer
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text import status_labels
from webapp.views.text.date_format import FormattedTime, duration
from webapp.views.text.status_labels import StatusLabel
from webapp.views.text.stored_messages import diagnostic_text, translated
from webapp.views.text.translations import gettext as _


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildRow:
    """A part of a job; ``line`` is its error if it failed, else what it does."""

    id: UUID
    short_id: str
    name: str
    look: StatusLabel
    runs: bool
    percent: float | None
    line: str
    failed: bool
    duration: str
    when: FormattedTime


def child_rows(parts: Sequence[Job], reader: ViewerContext, *, opened: bool) -> tuple[ChildRow, ...]:
    """Describe parts; only who may open their root reads what they say."""
    return tuple(_row(part, reader, opened=opened) for part in parts)


def _row(part: Job, reader: ViewerContext, *, opened: bool) -> ChildRow:
    failed = part.status in {Status.FAILED, Status.STALE}
    error = diagnostic_text(part.errors[-1]) if part.errors and failed else ""
    begun = None if part.is_new else part.started_at  # one that waits for its next attempt does not run on
    ran = (part.finished_at or reader.now) - begun if begun else timedelta()
    moment = part.finished_at or part.started_at or part.created_at or reader.now
    return ChildRow(
        id=part.id,
        short_id=part.short_id,
        name=part.child_name or translated(part.title),
        look=status_labels.status_label(part),
        runs=part.is_running,
        percent=status_labels.percent(part),
        line=(error or _line(part)) if opened else "",
        failed=failed,
        duration=duration(ran) if begun else "",
        when=reader.when(moment),
    )


def _line(part: Job) -> str:
    return status_labels.progress_amounts(part) if part.is_running else translated(part.message)


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
    job = services().queries.jobs.get_visible(viewer(), job_id)
    which = request.args.get("which", "")
    which = which if which in _WHICH else ""
    after = request.args.get("after", None, UUID)
    found = services().queries.related.children(job.id, after=after, statuses=sorted(_WHICH[which]), limit=PAGE + 1)
    reading = viewer_context()
    return render_template(
        "job/children.html",
        job=job,
        children=child_rows(found[:PAGE], reading, opened=reading.may_open(job)),
        which=which,
        after=after,
        next_page=found[PAGE - 1].id if len(found) > PAGE else None,
        tabs={"": _("All"), "unfinished": _("Not ended"), "failed": _("Failed"), "ended": _("Ended")},
    )
