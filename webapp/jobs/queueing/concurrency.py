"""Concurrency limits: how many jobs run at once per type, per owner and type, and per queue.

The claim enforces them. They are exact for any number of workers, because claims that have to check
limits are serialized: SQLite has a single writer, and on PostgreSQL they hold an advisory lock until
the end of their transaction.
"""

from collections import defaultdict
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, func, literal, not_, select

from webapp.db.engine import is_sqlite
from webapp.jobs.definition import disabled_types
from webapp.jobs.model.job import NO_QUEUE
from webapp.jobs.model.policies import Limits
from webapp.schema import jobs, queues

_LOCK = 7_164_001  # arbitrary, but the same in every process


def serialize_claims(connection: Connection) -> None:
    """Serialize claims that check limits (an advisory lock on PostgreSQL)."""
    if not is_sqlite(connection.engine):
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def within_limits(connection: Connection, queue: str, limits: Mapping[str, Limits]) -> list[ColumnElement[bool]]:
    """Return the conditions that keep a claim from ``queue`` within every limit."""
    limit_of_queue = connection.execute(select(queues.c.max_running).where(queues.c.name == queue)).scalar()
    if limit_of_queue is not None and _running_in(connection, queue) >= limit_of_queue:
        return [literal(value=False)]
    by_owner = _running(connection, limits)
    by_type: dict[str, int] = defaultdict(int)
    for (name, _), count in by_owner.items():
        by_type[name] += count
    full = [name for name, limit in limits.items() if limit.running is not None and by_type[name] >= limit.running]
    full += disabled_types.disabled_names(connection)
    conditions: list[ColumnElement[bool]] = [jobs.c.type.not_in(full)] if full else []
    for (name, owner_id), count in by_owner.items():
        limit_per_owner = limits[name].running_per_owner
        if limit_per_owner is not None and count >= limit_per_owner:
            owned = jobs.c.owner_id.is_(None) if owner_id is None else jobs.c.owner_id == owner_id
            conditions.append(not_(and_(jobs.c.type == name, func.coalesce(owned, literal(value=False)))))
    return conditions


def _running(connection: Connection, limits: Mapping[str, Limits]) -> dict[tuple[str, UUID | None], int]:
    counted = (
        select(jobs.c.type, jobs.c.owner_id, func.count())
        .where(jobs.c.status == "running", jobs.c.queue != NO_QUEUE, jobs.c.type.in_(list(limits)))
        .group_by(jobs.c.type, jobs.c.owner_id)
    )
    return {(name, owner_id): count for name, owner_id, count in connection.execute(counted)}


def _running_in(connection: Connection, queue: str) -> int:
    counted = select(func.count()).where(jobs.c.status == "running", jobs.c.queue == queue)
    return connection.execute(counted).scalar_one()
