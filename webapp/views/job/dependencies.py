"""The dependency graph around a job, and the same as a table. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from webapp.jobs.model.job import Job
from webapp.jobs.queries.dependency_graph import DependencyGraph
from webapp.views.charts.dependency_graph import GraphLayout, GraphNode, lay_out
from webapp.views.text import status_labels
from webapp.views.text.status_labels import StatusLabel
from webapp.views.text.stored_messages import translated

_LONGEST_TITLE = 18  # characters in a box


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyNode:
    """A job of the graph: its box, and its row in the table, with the numbers of the jobs that it waits for."""

    id: UUID
    short_id: str
    name: str
    title: str
    box_title: str
    box_status: str
    look: StatusLabel
    place: GraphNode
    is_this_job: bool
    waits_for: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyPicture:
    """The graph as a picture and a table."""

    layout: GraphLayout
    nodes: tuple[DependencyNode, ...]
    is_cut: bool


def dependency_picture(job: Job, graph: DependencyGraph) -> DependencyPicture | None:
    """Describe the graph around a job; ``None`` if nothing waits."""
    if not graph.edges:
        return None
    layout = lay_out([each.id for each in graph.jobs], graph.edges)
    places = {node.id: node for node in layout.nodes}
    nodes = tuple(_node(each, places[each.id], graph, is_this_job=each.id == job.id) for each in graph.jobs)
    return DependencyPicture(layout=layout, nodes=nodes, is_cut=graph.is_cut)


def _node(job: Job, place: GraphNode, graph: DependencyGraph, *, is_this_job: bool) -> DependencyNode:
    name, look = translated(job.title), status_labels.status_label(job)
    return DependencyNode(
        id=job.id,
        short_id=job.short_id,
        name=name,
        title=f"{name} #{job.short_id}, {look.word}",
        box_title=name if len(name) <= _LONGEST_TITLE else f"{name[: _LONGEST_TITLE - 1].rstrip()}…",
        box_status=f"{look.word} · #{job.short_id}",
        look=look,
        place=place,
        is_this_job=is_this_job,
        waits_for=_waits_for(job, graph.jobs, graph),
    )


def _waits_for(job: Job, jobs: Sequence[Job], graph: DependencyGraph) -> tuple[str, ...]:
    before = {first for first, second in graph.edges if second == job.id}
    return tuple(each.short_id for each in jobs if each.id in before)
