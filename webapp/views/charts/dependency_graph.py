"""The layout of a graph of dependencies: a column for each step, so that every edge goes to the right. Pure."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from uuid import UUID

NODE_WIDTH, NODE_HEIGHT = 168, 44
_COLUMN_GAP, _ROW_GAP = 44, 12
_MARGIN = 2


@dataclass(frozen=True, slots=True)
class GraphNode:
    """Where the box of a job is: its left upper corner."""

    id: UUID
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class GraphLayout:
    """Boxes, the paths between them as the SVG attribute ``d``, and the size of the picture, in pixels."""

    nodes: tuple[GraphNode, ...]
    paths: tuple[str, ...]
    width: int
    height: int


def lay_out(ids: Sequence[UUID], edges: Collection[tuple[UUID, UUID]]) -> GraphLayout:
    """Place each job one column behind the last job that it waits for; a column keeps the order of ``ids``."""
    nodes: dict[UUID, GraphNode] = {}
    for column, column_ids in enumerate(_columns(ids, edges)):
        for row, job_id in enumerate(sorted(column_ids, key=ids.index)):
            x, y = column * (NODE_WIDTH + _COLUMN_GAP), row * (NODE_HEIGHT + _ROW_GAP)
            nodes[job_id] = GraphNode(job_id, _MARGIN + x, _MARGIN + y)
    return GraphLayout(
        nodes=tuple(nodes[job_id] for job_id in ids),
        paths=tuple(_path(nodes[before], nodes[after]) for before, after in edges),
        width=max(node.x for node in nodes.values()) + NODE_WIDTH + _MARGIN,
        height=max(node.y for node in nodes.values()) + NODE_HEIGHT + _MARGIN,
    )


def _columns(ids: Sequence[UUID], edges: Collection[tuple[UUID, UUID]]) -> Iterator[tuple[UUID, ...]]:
    """Yield the jobs that wait for none of the others, then those that wait for these only, and so on."""
    sorter = TopologicalSorter({job_id: [before for before, after in edges if after == job_id] for job_id in ids})
    sorter.prepare()
    while ready := sorter.get_ready():
        yield ready
        sorter.done(*ready)


def _path(before: GraphNode, after: GraphNode) -> str:
    x, y = before.x + NODE_WIDTH, before.y + NODE_HEIGHT // 2
    to_x, to_y = after.x, after.y + NODE_HEIGHT // 2
    middle = (x + to_x) // 2
    return f"M{x} {y} C{middle} {y} {middle} {to_y} {to_x} {to_y}"
