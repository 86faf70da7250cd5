"""Waits: how long jobs wait in a queue before a worker takes them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Uuid, bindparam, exists, func, literal_column, select

from webapp.db.engine import reading
from webapp.jobs.model.job import NO_QUEUE
from webapp.jobs.queries.visible_jobs import ALL_UNFINISHED
from webapp.jobs.queueing.claim import queues_with_jobs
from webapp.jobs.store.events import CREATED
from webapp.schema import dependencies, events, jobs, later, now

WINDOW = timedelta(hours=24)
SAMPLES = 2000  # the newest that ended within the window, of all queues together
_QUEUED = jobs.c.status == literal_column("'queued'")
_SINCE = func.coalesce(jobs.c.run_at, jobs.c.created_at)
_NEXT_CREATED = (
    select(jobs.c.id, jobs.c.queue, jobs.c.created_at, jobs.c.run_at)
    .where(_QUEUED, ALL_UNFINISHED, jobs.c.queue != NO_QUEUE, jobs.c.id > bindparam("last", type_=Uuid()))
    .order_by(jobs.c.id)
    .limit(500)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLatency:
    """How long 95 of 100 jobs waited at most, and of how many that is told."""

    p95: timedelta
    samples: int


def oldest_waits(engine: Engine) -> Mapping[str, timedelta]:
    """Return by queue how long the job has waited that waits for longest, since what `queued_since` says.

    Goes through the waiting jobs from the first created on, and ends where none that follows can have
    waited longer: mostly with the first ones, however many wait.
    """
    found: dict[str, datetime] = {}
    last = UUID(int=0)
    with reading(engine) as connection:
        queues = {queue for queue in queues_with_jobs(connection) if queue != NO_QUEUE}
        while some := connection.execute(_NEXT_CREATED, {"last": last}).all():
            since = queued_since(connection, some)
            for row in some:
                found[row.queue] = min(found.get(row.queue, since[row.id]), since[row.id])
            last = some[-1].id
            if all(queue in found and found[queue] <= some[-1].created_at for queue in queues):
                break
        moment = connection.execute(select(now())).scalar_one()
    return {queue: max(timedelta(0), moment - since) for queue, since in found.items()}


def queued_since(connection: Connection, waiting: Iterable[Any]) -> Mapping[UUID, datetime]:
    """Return since when jobs wait, by id: a retry, what they waited for, and the end of a delay begin it anew.

    ``waiting`` are rows with ``id``, ``created_at`` and ``run_at``.
    """
    rows = list(waiting)
    moves = (events.c.job_id.in_([row.id for row in rows]), events.c.name != CREATED)
    latest = select(events.c.job_id, func.max(events.c.at)).where(*moves)
    moved = {row[0]: row[1] for row in connection.execute(latest.group_by(events.c.job_id))}
    return {row.id: max(filter(None, (row.created_at, row.run_at, moved.get(row.id)))) for row in rows}


def recent_latencies(engine: Engine) -> Mapping[str, QueueLatency]:
    """Return by queue how long jobs waited lately.

    Told of the first attempts of jobs that waited for nothing but a worker: not of parts, which
    wait for their root, nor of what follows other jobs.
    """
    newest = (
        select(jobs.c.queue, jobs.c.started_at, _SINCE.label("since"))
        .where(jobs.c.finished_at > later(-WINDOW.total_seconds()), jobs.c.attempt == 1, jobs.c.root_id.is_(None))
        .where(~exists().where(dependencies.c.job_id == jobs.c.id), ~jobs.c.record_only)
        .order_by(jobs.c.finished_at.desc())
        .limit(SAMPLES)
    )
    spans: dict[str, list[timedelta]] = defaultdict(list)
    with reading(engine) as connection:
        for row in connection.execute(newest):
            if row.started_at is not None:
                spans[row.queue].append(max(timedelta(0), row.started_at - row.since))
    return {queue: QueueLatency(p95=_p95(sorted(found)), samples=len(found)) for queue, found in spans.items()}


def _p95(spans: Sequence[timedelta]) -> timedelta:
    return spans[-(-len(spans) * 95 // 100) - 1]
