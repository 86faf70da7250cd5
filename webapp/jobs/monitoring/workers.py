"""Workers: which ones there are, and what each one runs.

Each worker writes a row (``worker_heartbeat``). Leases show what runs, including inline runs. Idle workers of older
versions have no row and are known only to Redis.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Engine, RowMapping, func, select, union

from webapp.db.engine import reading
from webapp.jobs.execution import worker_heartbeat
from webapp.jobs.execution.worker_heartbeat import StopRequest
from webapp.jobs.rq_queue.worker_registry import RegisteredWorker
from webapp.schema import jobs, leases, now, workers

_MIN_LOST_AFTER = timedelta(seconds=3 * worker_heartbeat.BEAT_SECONDS)


class WorkerNotFound(Exception):
    """Raised when a worker to stop does not exist."""

    def __init__(self, name: str) -> None:
        """Name the worker."""
        super().__init__(f"There is no worker {name}. It may have stopped already.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """An RQ worker. ``silent_for`` is the age of its latest heartbeat, None if unknown; sizes are bytes.

    ``memory`` is its own, ``horse_memory`` that of its work-horse; ``done`` and ``failed`` count ended attempts. Only
    a worker that ``has_row`` can be asked to stop.
    """

    name: str
    host: str
    pid: int | None
    queues: tuple[str, ...]
    state: str
    silent_for: timedelta | None
    job_id: UUID | None = None
    job_type: str | None = None
    job_title: str | None = None
    job_tenant: str | None = None
    job_started_at: datetime | None = None
    started_at: datetime | None = None
    memory: int | None = None
    horse_memory: int | None = None
    done: int = 0
    failed: int = 0
    version: str = ""
    stop_request: StopRequest | None = None
    stop_requested_by: UUID | None = None
    has_row: bool = False


class Workers:
    """Reads and stops workers; ``listed`` reads Redis. A worker without a heartbeat for the lease time is lost."""

    def __init__(
        self, engine: Engine, listed: Callable[[], tuple[RegisteredWorker, ...]], lease_seconds: float = 30.0
    ) -> None:
        self._engine = engine
        self._listed = listed
        self._lost_after = max(timedelta(seconds=lease_seconds), _MIN_LOST_AFTER)

    def all(self) -> tuple[Worker, ...]:
        """Return every worker that is idle or holds a lease; raises ``RedisError`` if Redis is unreachable."""
        listed = self._listed()
        found = self._from_database()
        names = {worker.name for worker in found}
        return _sorted(
            (*map(self._joined(listed), found), *(_idle(worker) for worker in listed if worker.name not in names))
        )

    def in_database(self) -> tuple[Worker, ...]:
        """Return the workers with a row or a lease, without Redis."""
        return _sorted(self._from_database())

    def count_by_queue(self) -> Mapping[str, int]:
        """Count the workers that take jobs from each queue, without lost and stopping ones."""
        available = (worker for worker in self._from_database() if worker.state in {"idle", "busy"} and worker.has_row)
        return Counter(queue for worker in available for queue in worker.queues)

    def stop(self, name: str, request: StopRequest | Literal["drain", "now"], *, by: UUID | None = None) -> None:
        """Ask a worker to stop, on any machine; it does so within seconds. Raises `WorkerNotFound`."""
        if not worker_heartbeat.request_stop(self._engine, name, StopRequest(request), by=by):
            raise WorkerNotFound(name)

    def dead_on_host(self, host: str, is_alive: Callable[[int], bool], boot_id: str) -> tuple[str, ...]:
        """Return the names of a host's dead workers: their process is gone, or the host was rebooted."""
        on_host = select(workers.c.name, workers.c.pid, workers.c.boot_id).where(workers.c.host == host)
        with reading(self._engine) as connection:
            rows = connection.execute(on_host).all()
        return tuple(row.name for row in rows if row.boot_id != boot_id or not is_alive(row.pid))

    def _from_database(self) -> tuple[Worker, ...]:
        with reading(self._engine) as connection:
            return tuple(self._worker(row) for row in connection.execute(WORKER_ROWS).mappings())

    def _worker(self, row: RowMapping) -> Worker:
        age: Any = max(timedelta(0), row["now"] - row["beat_at"])
        stop_request = StopRequest(row["wish"]) if row["wish"] else None
        shown = {name: row[name] for name in SHARED_COLUMNS}
        return Worker(
            **shown,
            queues=tuple(row["queues"] or (row["queue"],)),
            state=_state(stop_request, lost=age > self._lost_after, busy=row["job_id"] is not None),
            silent_for=age,
            stop_request=stop_request,
            done=row["done"] or 0,
            failed=row["failed"] or 0,
            version=row["version"] or "",
            has_row=row["queues"] is not None,
        )

    def _joined(self, listed: tuple[RegisteredWorker, ...]) -> Callable[[Worker], Worker]:
        """Return a function that adds the queues that only Redis knows."""
        queues = {worker.name: worker.queues for worker in listed}
        return lambda worker: (
            worker if worker.has_row else replace(worker, queues=queues.get(worker.name, worker.queues))
        )


def _idle(listed: RegisteredWorker) -> Worker:
    return Worker(
        name=listed.name,
        host=listed.host,
        pid=listed.pid,
        queues=listed.queues,
        state=listed.state,
        silent_for=listed.silent_for,
    )


def _state(stop_request: StopRequest | None, *, lost: bool, busy: bool) -> str:
    if lost:
        return "lost"
    if stop_request is not None:
        return "stopping"
    return "busy" if busy else "idle"


def _sorted(found: tuple[Worker, ...]) -> tuple[Worker, ...]:
    return tuple(sorted(found, key=lambda worker: (worker.host, worker.pid or 0)))


SHARED_COLUMNS = (
    *("name", "host", "pid", "job_id", "job_type", "job_title", "job_tenant", "job_started_at", "started_at"),
    *("memory", "horse_memory", "stop_requested_by"),
)
_names = union(select(workers.c.name), select(leases.c.worker)).subquery("names")
_held = leases.alias("held")
_its_lease = (  # not one without heartbeats, that the server has opened without the worker's knowledge
    select(_held.c.id)
    .where(_held.c.worker == _names.c.name)
    .order_by(_held.c.beat.desc(), _held.c.beat_at.desc())
    .limit(1)
    .scalar_subquery()
)
_claimed = jobs.alias("claimed")
_first_under_lease = (
    select(_claimed.c.id).where(_claimed.c.lease_id == leases.c.id).order_by(_claimed.c.id).limit(1).scalar_subquery()
)
WORKER_ROWS = (
    select(
        _names.c.name,
        func.coalesce(workers.c.host, leases.c.host).label("host"),
        func.coalesce(workers.c.pid, leases.c.worker_pid).label("pid"),
        func.coalesce(leases.c.beat_at, workers.c.beat_at).label("beat_at"),
        *(workers.c[name] for name in ("queues", "version", "started_at", "memory", "horse_memory")),
        *(workers.c[name] for name in ("done", "failed", "wish")),
        workers.c.wished_by.label("stop_requested_by"),
        leases.c.queue,
        *(jobs.c[name].label(f"job_{name}") for name in ("id", "type", "title", "tenant", "started_at")),
        now().label("now"),
    )
    .select_from(_names)
    .outerjoin(workers, workers.c.name == _names.c.name)
    .outerjoin(leases, leases.c.id == _its_lease)
    .outerjoin(jobs, jobs.c.id == _first_under_lease)  # one of several that are claimed for a moment
)
