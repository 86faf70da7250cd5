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
    Select,
    Uuid,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import ReturningUpdate

from webapp.jobs.job import COMPLETE, Status
from webapp.jobs.rollup import DECIMALS, Parts
from webapp.schema import jobs

ITS_ROOT = bindparam("its_root", type_=Uuid())  # given, so that no plan ever walks the table for it
_DIVISION_BY_ZERO = "22012"
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


def or_refused(written: Select[Any], ended: CTE, status: Status) -> Select[Any]:
    """Let a child's end on PostgreSQL be counted in its own statement, or undo all of that.

    Nothing in one statement can take back what another part of it wrote, but an error does: where
    no root was counted, it divides by zero. So the child is locked first and the root after it,
    each once.
    """
    counted_root = counted(status).where(select(ended.c.id).exists()).cte("counted")
    count = select(func.count()).select_from(counted_root).scalar_subquery()
    return written.add_columns(literal_column("1") / count)


def is_refused(error: DBAPIError) -> bool:
    """Tell whether a child's end was undone because its root did not wait for more."""
    return getattr(error.orig, "sqlstate", "") == _DIVISION_BY_ZERO


def _waits_for_more(root: FromClause) -> tuple[ColumnElement[bool], ...]:
    ended = root.c.parts_completed + root.c.parts_failed + root.c.parts_cancelled
    return root.c.status == literal_column("'waiting'"), root.c.parts - ended > 1
