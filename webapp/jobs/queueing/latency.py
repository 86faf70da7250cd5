"""Queue latency: how long jobs wait in a queue before a worker claims them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Uuid, bindparam, exists, func, literal_column, select

from webapp.db.engine import reading
from webapp.jobs.model.job import NO_QUEUE, EventName
from webapp.jobs.queries.visible_jobs import ALL_UNFINISHED
from webapp.jobs.queueing.claim import queues_with_jobs
from webapp.schema import database_time, dependencies, events, jobs, later

WINDOW = timedelta(hours=24)
SAMPLES = 2000  # the jobs that finished last within the window, over all queues
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
    """How long jobs of a queue waited: the 95th percentile, and the number of jobs that it is based on."""

    p95: timedelta
    samples: int


def oldest_waits(engine: Engine) -> Mapping[str, timedelta]:
    """Return by queue how long its oldest queued job has waited, measured from `queued_since`.

    Reads the queued jobs in the order of their creation and stops when no later one can have waited
    longer. Usually the first few are enough, however many are queued.
    """
    oldest: dict[str, datetime] = {}
    last = UUID(int=0)
    with reading(engine) as connection:
        queues = queues_with_jobs(connection)
        while rows := connection.execute(_NEXT_CREATED, {"last": last}).all():
            since = queued_since(connection, rows)
            for row in rows:
                oldest[row.queue] = min(oldest.get(row.queue, since[row.id]), since[row.id])
            last = rows[-1].id
            if all(queue in oldest and oldest[queue] <= rows[-1].created_at for queue in queues):
                break
        current_time = database_time(connection)
    return {queue: max(timedelta(0), current_time - since) for queue, since in oldest.items()}


def queued_since(connection: Connection, queued: Iterable[Any]) -> Mapping[UUID, datetime]:
    """Return since when jobs have been queued, by id: a retry, a release or the end of a delay restarts the wait.

    ``queued`` are rows with ``id``, ``created_at`` and ``run_at``.
    """
    rows = list(queued)
    later_events = (events.c.job_id.in_([row.id for row in rows]), events.c.name != EventName.CREATED)
    latest = select(events.c.job_id, func.max(events.c.at)).where(*later_events).group_by(events.c.job_id)
    restarted = {row[0]: row[1] for row in connection.execute(latest)}
    return {row.id: max(filter(None, (row.created_at, row.run_at, restarted.get(row.id)))) for row in rows}


def recent_latencies(engine: Engine) -> Mapping[str, QueueLatency]:
    """Return by queue how long jobs waited recently.

    Counts first attempts of jobs that waited only for a worker: children wait for their root and
    dependents for other jobs, so they are left out.
    """
    newest = (
        select(jobs.c.queue, jobs.c.started_at, _SINCE.label("since"))
        .where(jobs.c.finished_at > later(-WINDOW.total_seconds()), jobs.c.attempt == 1, jobs.c.root_id.is_(None))
        .where(~exists().where(dependencies.c.job_id == jobs.c.id), ~jobs.c.record_only)
        .order_by(jobs.c.finished_at.desc())
        .limit(SAMPLES)
    )
    waits: dict[str, list[timedelta]] = defaultdict(list)
    with reading(engine) as connection:
        for row in connection.execute(newest):
            if row.started_at is not None:
                waits[row.queue].append(max(timedelta(0), row.started_at - row.since))
    return {queue: QueueLatency(p95=_p95(sorted(spans)), samples=len(spans)) for queue, spans in waits.items()}


def _p95(spans: Sequence[timedelta]) -> timedelta:
    return spans[-(-len(spans) * 95 // 100) - 1]
