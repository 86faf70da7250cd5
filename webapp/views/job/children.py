"""The children of a job: rows for the page of the root, and a paginated page that filters them by status."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp.jobs.model.job import TERMINAL, UNFINISHED, Job, Status
from webapp.views.charts.gantt import GanttAxis, GanttBar, gantt_axis, gantt_bar
from webapp.views.charts.time_scale import Tick
from webapp.views.page.request import services, viewer
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text import status_labels
from webapp.views.text.date_format import FormattedTime, duration
from webapp.views.text.status_labels import StatusLabel
from webapp.views.text.stored_messages import diagnostic_text, translated
from webapp.views.text.translations import gettext as _

bp = Blueprint("children", __name__)
PAGE = 50
_STATUSES: Mapping[str, frozenset[Status]] = MappingProxyType(
    {
        "": frozenset(),
        "failed": frozenset({Status.FAILED, Status.STALE}),
        "unfinished": UNFINISHED,
        "ended": TERMINAL,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildRow:
    """A child job; ``line`` is its error if it failed, else its message or its progress."""

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
    bar: GanttBar


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildTable:
    """Children of one root, with their bars on one time scale, and the labels of that scale."""

    rows: tuple[ChildRow, ...] = ()
    ticks: tuple[Tick, ...] = ()


def child_table(root: Job, children: Sequence[Job], context: ViewerContext) -> ChildTable:
    """Describe children, without the messages and errors of those that the viewer cannot open."""
    if not children:
        return ChildTable()
    axis = gantt_axis(root, children, context.now, context.zone)
    return ChildTable(rows=tuple(_row(child, axis, context) for child in children), ticks=axis.ticks)


@bp.get("/jobs/<uuid:job_id>/children")
def index(job_id: UUID) -> ResponseReturnValue:
    """Show a page of the children, in the order of their creation."""
    job = services().queries.jobs.get_visible(viewer(), job_id)
    which = request.args.get("which", "")
    which = which if which in _STATUSES else ""
    after = request.args.get("after", None, UUID)
    children = services().queries.related.children(
        job.id, after=after, statuses=sorted(_STATUSES[which]), limit=PAGE + 1
    )
    context = viewer_context()
    return render_template(
        "job/children.html",
        job=job,
        table=child_table(job, children[:PAGE], context),
        which=which,
        after=after,
        next_page=children[PAGE - 1].id if len(children) > PAGE else None,
        tabs=_tabs(job),
    )


def _tabs(root: Job) -> Mapping[str, tuple[str, int]]:
    """Return the label and the count of each tab; the root's row has the counts, however many children there are."""
    ended = root.parts_completed + root.parts_failed + root.parts_cancelled
    return {
        "": (_("All"), root.parts),
        "failed": (_("Failed"), root.parts_failed),
        "unfinished": (_("Unfinished"), root.parts - ended),
        "ended": (_("Finished"), ended),
    }


def _row(child: Job, axis: GanttAxis, context: ViewerContext) -> ChildRow:
    failed = child.status in {Status.FAILED, Status.STALE}
    error = diagnostic_text(child.errors[-1]) if child.errors and failed else ""
    started_at = None if child.is_new else child.started_at  # a job that waits for a retry is not running
    period = (child.finished_at or context.now) - started_at if started_at else timedelta()
    moment = child.finished_at or child.started_at or child.created_at or context.now
    return ChildRow(
        id=child.id,
        short_id=child.short_id,
        name=child.child_name or translated(child.title),
        look=status_labels.reader_label(child, context.policy),
        runs=child.is_running,
        percent=status_labels.percent(child),
        line=(error or _line(child)) if context.may_open(child) else "",
        failed=failed,
        duration=duration(period) if started_at else "",
        when=context.when(moment),
        bar=gantt_bar(child, axis, context.now),
    )


def _line(child: Job) -> str:
    return status_labels.progress_amounts(child) if child.is_running else translated(child.message)
