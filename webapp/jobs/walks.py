"""Walks: the statements of lists, built once for each viewer and choice, as a page asks for them every few seconds.

To build one takes longer than to run it. ``above`` and ``below`` are ids, both left out.
"""

from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ScalarSelect, Select, Uuid, bindparam, func, select, union_all

from webapp.jobs.chosen import Chosen, Walk
from webapp.jobs.queries import TAB_CEILING, Viewer, newest_of
from webapp.schema import jobs

LOWEST, HIGHEST = UUID(int=0), UUID(int=2**128 - 1)
_KEPT = 256
_BETWEEN = (jobs.c.id > bindparam("above", type_=Uuid()), jobs.c.id < bindparam("below", type_=Uuid()))


@lru_cache(_KEPT)
def page(viewer: Viewer, chosen: Chosen, limit: int) -> Select[Any]:
    """Select the newest that are chosen, between the ids."""
    return newest_of(narrowed(chosen.walks(viewer), [*_BETWEEN]), limit)


@lru_cache(_KEPT)
def ids(viewer: Viewer, chosen: Chosen, limit: int) -> Select[Any]:
    """Select the ids of the same."""
    return newest_of(narrowed(chosen.walks(viewer), [*_BETWEEN]), limit, jobs.c.id)


@lru_cache(_KEPT)
def counts(viewer: Viewer, tabs: tuple[str, ...]) -> Select[Any]:
    """Select how many there are in each tab, by its name; each stops at `TAB_CEILING`."""
    found: list[Any] = [counting(Chosen(tab=tab).walks(viewer), TAB_CEILING).label(tab) for tab in tabs]
    return select(*found)


def counting(walks: list[Walk], ceiling: int) -> ScalarSelect[int]:
    """Return how many there are; stops at the ceiling."""
    # each walk in its index' order, but all of them in none: to sort six hundred ids takes longer than to find them
    each = [newest_of([walk], ceiling, jobs.c.id).subquery() for walk in walks]
    some = union_all(*(select(walk.c.id) for walk in each)).limit(ceiling).subquery()
    return select(func.count()).select_from(some).scalar_subquery()


def narrowed(walks: list[Walk], further: Walk) -> list[Walk]:
    """Add conditions to each walk."""
    return [[*walk, *further] for walk in walks]
