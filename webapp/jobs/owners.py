"""Owners: how many jobs are whose."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import Engine, func, select

from webapp.database import reading
from webapp.schema import jobs


def count(engine: Engine, ids: Collection[UUID]) -> Mapping[UUID, int]:
    """Count the jobs of each of these owners; who has none is not there."""
    counted = select(jobs.c.owner_id, func.count()).where(jobs.c.owner_id.in_(ids)).group_by(jobs.c.owner_id)
    with reading(engine) as connection:
        return {row[0]: row[1] for row in connection.execute(counted) if row[0] is not None}
