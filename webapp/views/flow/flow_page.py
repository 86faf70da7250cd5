"""What the page of a flow shows: its status, the graph of its jobs, and the same as a table. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from webapp.jobs.flows.flow import FlowEdge, OnFailure
from webapp.jobs.flows.flow_queries import FlowMember, FlowSummary, StartedFlow
from webapp.jobs.model.job import Job, Status, short_id
from webapp.views.charts.dependency_graph import GraphLayout, GraphNode, lay_out
from webapp.views.page.viewer_context import ViewerContext
from webapp.views.text import status_labels
from webapp.views.text.date_format import FormattedTime, duration
from webapp.views.text.number_format import number
from webapp.views.text.status_labels import StatusLabel
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

MOST_DRAWN = 150  # jobs of a picture; larger flows have the table only
ROWS = 200  # of a page of the table
_LONGEST_NAME = 18  # characters in a box
_FOLLOWED = 6  # names of predecessors that a row lists


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowNode:
    """A job of the flow: its box in the graph."""

    id: UUID
    title: str
    box_title: str
    box_status: str
    look: StatusLabel
    place: GraphNode
    is_this_job: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowRow:
    """A job of the flow: its row in the table. ``follows`` are names, ``policies`` what happens if they fail."""

    id: UUID
    short_id: str
    name: str
    title: str
    look: StatusLabel
    percent: float | None
    runs: bool
    line: str
    failed: bool
    follows: str
    policies: tuple[str, ...]
    duration: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowPage:
    """Everything of the page that changes while it is open."""

    look: StatusLabel
    fact: str
    counts: tuple[tuple[str, str], ...]
    percent: float
    finished: bool
    layout: GraphLayout | None
    nodes: tuple[FlowNode, ...]
    rows: tuple[FlowRow, ...]
    size: int
    shown_from: int
    created: FormattedTime
    starter: str


def flow_page(flow: StartedFlow, context: ViewerContext, *, shown_from: int = 0) -> FlowPage:
    """Describe a flow to this viewer; ``shown_from`` is the first row of the table."""
    looks = _looks(flow, context)
    counts = _counts(flow.jobs, looks)
    layout = _layout(flow)
    return FlowPage(
        look=status_labels.label_of(flow.status),
        fact=_fact(_done(flow.jobs), len(flow.jobs)),
        counts=counts,
        percent=flow.progress,
        finished=flow.is_finished,
        layout=layout,
        nodes=_nodes(flow, layout, looks) if layout else (),
        rows=tuple(_rows(flow, context, looks, shown_from)),
        size=len(flow.members),
        shown_from=shown_from,
        created=context.when(flow.created_at),
        starter=context.name(flow.triggered_by),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowLine:
    """A flow in the list."""

    id: UUID
    short_id: str
    title: str
    look: StatusLabel
    fact: str
    starter: str
    created: FormattedTime


def flow_lines(found: Sequence[FlowSummary], context: ViewerContext) -> tuple[FlowLine, ...]:
    """Describe flows for the list."""
    return tuple(
        FlowLine(
            id=flow.id,
            short_id=short_id(flow.id),
            title=translated(flow.title),
            look=status_labels.label_of(flow.status),
            fact=_fact(flow.counts.get(Status.COMPLETED, 0), flow.size),
            starter=context.label(flow.triggered_by),
            created=context.when(flow.created_at),
        )
        for flow in found
    )


def _fact(done: int, total: int) -> str:
    return _("%(done)s of %(total)s jobs done", done=number(done), total=number(total))


def _done(jobs: Sequence[Job]) -> int:
    return sum(job.status is Status.COMPLETED for job in jobs)


def _looks(flow: StartedFlow, context: ViewerContext) -> Mapping[UUID, StatusLabel]:
    """Return the label of each job; that of a held one says what it waits for."""
    jobs = {member.name: member.job for member in flow.members}
    retried = {
        jobs[edge.after].id
        for edge in flow.edges
        if edge.on_failure is OnFailure.WAIT
        and jobs[edge.before].is_finished
        and jobs[edge.before].status is not Status.COMPLETED
    }
    return {job.id: _look(job, context, waits_for_retry=job.id in retried) for job in flow.jobs}


def _look(job: Job, context: ViewerContext, *, waits_for_retry: bool) -> StatusLabel:
    if job.status is not Status.HELD or job.waits_for_approval or job.waits_for_answer:
        return status_labels.reader_label(job, context.policy)
    if waits_for_retry:
        return StatusLabel(_("Waits for a retry"), "attention", "rotate-clockwise")
    return StatusLabel(_("Waits for others"), "waiting", "hourglass")


def _counts(jobs: Sequence[Job], looks: Mapping[UUID, StatusLabel]) -> tuple[tuple[str, str], ...]:
    """Return how many jobs have each label, except those that are done."""
    counted: dict[str, int] = {}
    for job in jobs:
        if job.status is not Status.COMPLETED:
            word = str(looks[job.id].word)
            counted[word] = counted.get(word, 0) + 1
    return tuple((word, number(count)) for word, count in counted.items())


def _layout(flow: StartedFlow) -> GraphLayout | None:
    if len(flow.members) > MOST_DRAWN or not flow.edges:
        return None
    ids = {member.name: member.job.id for member in flow.members}
    return lay_out([job.id for job in flow.jobs], [(ids[edge.before], ids[edge.after]) for edge in flow.edges])


def _nodes(flow: StartedFlow, layout: GraphLayout, looks: Mapping[UUID, StatusLabel]) -> tuple[FlowNode, ...]:
    places = {node.id: node for node in layout.nodes}
    return tuple(_node(member, places[member.job.id], looks[member.job.id]) for member in flow.members)


def _node(member: FlowMember, place: GraphNode, look: StatusLabel) -> FlowNode:
    job, name = member.job, translated(member.name)
    percent = status_labels.percent(job) if status_labels.appears_running(job) else None
    return FlowNode(
        id=job.id,
        title=f"{name}: {translated(job.title)}, {look.word}",
        box_title=name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1].rstrip()}…",
        box_status=f"{look.word} · {percent:.0f} %" if percent is not None else str(look.word),
        look=look,
        place=place,
    )


def _rows(
    flow: StartedFlow, context: ViewerContext, looks: Mapping[UUID, StatusLabel], shown_from: int
) -> Sequence[FlowRow]:
    edges: Mapping[str, list[FlowEdge]] = {member.name: [] for member in flow.members}
    for edge in flow.edges:
        edges[edge.after].append(edge)
    shown = flow.members[shown_from : shown_from + ROWS]
    return [_row(member, edges[member.name], looks[member.job.id], context) for member in shown]


def _row(member: FlowMember, edges: Sequence[FlowEdge], look: StatusLabel, context: ViewerContext) -> FlowRow:
    job = context.readable(member.job)
    runs, failed = status_labels.appears_running(job), job.status in {Status.FAILED, Status.STALE}
    error = translated(str(job.errors[-1]["text"])) if failed and job.errors and context.may_open(job) else ""
    return FlowRow(
        id=job.id,
        short_id=job.short_id,
        name=translated(member.name),
        title=translated(job.title),
        look=look,
        percent=status_labels.percent(job),
        runs=runs,
        line=error or (status_labels.progress_summary(job, context.now) if runs else ""),
        failed=failed,
        follows=", ".join(translated(edge.before) for edge in edges[:_FOLLOWED]) + _more(len(edges) - _FOLLOWED),
        policies=tuple(_policies(edges)),
        duration=_duration(job),
    )


def _more(count: int) -> str:
    return _(" and %(count)s more", count=number(count)) if count > 0 else ""


def _policies(edges: Sequence[FlowEdge]) -> Sequence[str]:
    given = {edge.on_failure for edge in edges}
    words = {
        OnFailure.RUN: _("runs even if they do not complete"),
        OnFailure.WAIT: _("waits for a retry if they do not complete"),
    }
    return [words[policy] for policy in (OnFailure.RUN, OnFailure.WAIT) if policy in given]


def _duration(job: Job) -> str:
    if job.started_at is None or job.finished_at is None:
        return ""
    return duration(job.finished_at - job.started_at)
