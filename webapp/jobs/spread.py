"""How the jobs of a tab spread over the job types, counted in one go for all of them.

No index knows types within a status. So the newest jobs of each status are read, as many as a list
narrowed to a type looks at (listing.py), however many there are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Select, func, select, union_all

from webapp.database import reading
from webapp.jobs.chosen import Chosen
from webapp.jobs.queries import Viewer
from webapp.schema import jobs


@dataclass(frozen=True, slots=True)
class Spread:
    """How many jobs there are of each type, where there are any; if it was ``cut``, at least so many."""

    counts: Mapping[str, int]
    cut: bool


def spread(engine: Engine, viewer: Viewer, tab: str, reach: int) -> Spread:
    """Count the jobs of ``tab`` that the viewer sees, of each status the newest ``reach``."""
    with reading(engine) as connection:
        counts = {row.type: row.many for row in connection.execute(_counted(viewer, tab, reach))}
    return Spread(counts, cut=sum(counts.values()) >= reach)


def _counted(viewer: Viewer, tab: str, reach: int) -> Select[Any]:
    newest = (
        select(jobs.c.type).where(*walk).order_by(jobs.c.id.desc()).limit(reach).subquery()
        for walk in Chosen(tab=tab).walks(viewer)
    )
    some = union_all(*(select(one.c.type) for one in newest)).subquery()
    return select(some.c.type, func.count().label("many")).group_by(some.c.type)
