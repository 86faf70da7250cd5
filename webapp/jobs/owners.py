"""Owners: how many jobs are whose."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import Engine, select

from webapp.database import reading
from webapp.jobs.queries import TAB_CEILING
from webapp.jobs.walks import counting
from webapp.schema import jobs


def count(engine: Engine, ids: Sequence[UUID], ceiling: int = TAB_CEILING) -> Mapping[UUID, int]:
    """Count the jobs of each of these owners, in one statement; each count stops at the ceiling, as a list's does."""
    if not ids:
        return {}
    each = [counting([[jobs.c.owner_id == one]], ceiling) for one in ids]
    with reading(engine) as connection:
        return dict(zip(ids, connection.execute(select(*each)).one(), strict=True))
