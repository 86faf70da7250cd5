"""Counting: the end of one child in its root's row, while the root waits for further children.

The child that ends its root is left to aftermath.py, and so is whatever else has consequences.
"""

from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Numeric,
    Uuid,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from webapp.jobs.job import COMPLETE, Status
from webapp.jobs.rollup import DECIMALS, Parts
from webapp.schema import jobs

ITS_ROOT = bindparam("its_root", type_=Uuid())  # given, so that no plan ever walks the table for it
ALONE = (jobs.c.parts == 0, jobs.c.has_dependents.is_(False))


@cache
def counted(status: Status) -> ReturningUpdate[Any]:
    """Count one more child that has ended in ``status`` at the root that the parameter ``its_root`` names."""
    kind = Parts().counted(status)
    figure = jobs.c[f"parts_{kind}"]
    done = jobs.c.parts_completed + jobs.c.parts_failed + int(kind != "cancelled")
    progress = func.round(cast(COMPLETE * done / jobs.c.parts, Numeric), DECIMALS)
    return (
        update(jobs)
        .where(jobs.c.id == ITS_ROOT, *_waits_for_more(jobs))
        .values({figure: figure + 1, "progress": progress, "version": jobs.c.version + 1})
        .returning(jobs.c.id)
    )


def open_root(*mine: ColumnElement[bool]) -> CTE:
    """Lock a child and then its root, if that waits for more; yields their ids as ``child`` and ``id``."""
    child = select(jobs.c.id, jobs.c.root_id).where(*mine, *ALONE).with_for_update(key_share=True).cte("mine")
    root = jobs.alias("root")
    there = select(root.c.id, child.c.id.label("child")).where(
        root.c.id == ITS_ROOT, root.c.id == child.c.root_id, *_waits_for_more(root)
    )
    return there.with_for_update(of=root, key_share=True).cte("open_root")


def _waits_for_more(root: FromClause) -> tuple[ColumnElement[bool], ...]:
    ended = root.c.parts_completed + root.c.parts_failed + root.c.parts_cancelled
    return root.c.status == literal_column("'waiting'"), root.c.parts - ended > 1
