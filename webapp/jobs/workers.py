"""Workers: who is there, and what each one runs. The leases know who works, Redis also who is idle."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, RowMapping, select

from webapp.database import reading
from webapp.jobs.rq_queue.registry import Listed
from webapp.schema import jobs, leases, now


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """An RQ worker; ``silent_for`` is the age of its latest beat, None if nobody knows."""

    name: str
    host: str
    pid: int | None
    queues: tuple[str, ...]
    state: str
    silent_for: timedelta | None
    job_id: UUID | None = None
    job_type: str | None = None
    version: str = ""


class Workers:
    """The workers of one database; ``listed`` asks Redis."""

    def __init__(self, engine: Engine, listed: Callable[[], tuple[Listed, ...]]) -> None:
        self._engine = engine
        self._listed = listed

    def all(self) -> tuple[Worker, ...]:
        """Return every worker that is idle or holds a lease; raises ``RedisError`` when Redis is away."""
        return _sorted(_joined(self._listed(), self._holders()))

    def at_work(self) -> tuple[Worker, ...]:
        """Return those that hold a lease, which needs no Redis."""
        return _sorted(_joined((), self._holders()))

    def _holders(self) -> dict[str, RowMapping]:
        columns = (
            leases.c.worker,
            leases.c.host,
            leases.c.worker_pid,
            leases.c.queue,
            leases.c.beat_at,
            leases.c.version,
        )
        found = select(*columns, jobs.c.id, jobs.c.type, now().label("now")).outerjoin_from(
            leases, jobs, jobs.c.lease_id == leases.c.id
        )
        with reading(self._engine) as connection:
            return {row["worker"]: row for row in connection.execute(found).mappings()}


def _joined(listed: tuple[Listed, ...], holders: dict[str, RowMapping]) -> Iterator[Worker]:
    for one in listed:
        if holder := holders.pop(one.name, None):
            yield _busy(holder, queues=one.queues)
        else:
            yield Worker(
                name=one.name,
                host=one.host,
                pid=one.pid,
                queues=one.queues,
                state=one.state,
                silent_for=one.silent_for,
                version=one.version,
            )
    for holder in holders.values():
        yield _busy(holder, queues=(holder["queue"],))


def _busy(holder: RowMapping, *, queues: tuple[str, ...]) -> Worker:
    silence: Any = holder["now"] - holder["beat_at"]
    return Worker(
        name=holder["worker"],
        host=holder["host"],
        pid=holder["worker_pid"],
        queues=queues,
        state="busy",
        silent_for=max(timedelta(0), silence),
        job_id=holder["id"],
        job_type=holder["type"],
        version=holder["version"],
    )


def _sorted(workers: Iterator[Worker]) -> tuple[Worker, ...]:
    return tuple(sorted(workers, key=lambda worker: (worker.host, worker.pid or 0)))
