"""Describes a job and everything that it waits for, for the report of a run that went wrong."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psutil
from redis import RedisError
from sqlalchemy import Row, select
from sqlalchemy.exc import DBAPIError

from benchmarks.chaos import ledger
from benchmarks.chaos.installation import PROGRAMS, ChaosInstallation
from webapp.db.engine import reading
from webapp.schema import attempts, events, jobs, leases
from webapp.services import Services

_LOG_LINES = 5  # the last ones of each program
_LINE_LENGTH = 300


def describe_job(services: Services, installation: ChaosInstallation, job_id: UUID) -> tuple[str, ...]:
    """Return lines with the job's row, events, attempts and ledger."""
    return tuple(_guarded(lambda: _job(services, job_id))) + tuple(_ledger(installation, job_id))


def describe_installation(services: Services, installation: ChaosInstallation) -> tuple[str, ...]:
    """Return lines with the leases, wake-ups, workers and processes, and the end of each log."""
    lines: list[str] = []
    for part in (_leases, _wake_ups, _workers):
        lines.extend(_guarded(lambda part=part: part(services)))  # type: ignore[misc]
    return (*lines, *_processes(installation), *_logs(installation))


def _guarded(part: Callable[[], Iterator[str]]) -> Iterator[str]:
    """Yield the lines of a part; a server that is away is one of the facts."""
    try:
        yield from part()
    except (DBAPIError, RedisError) as error:
        yield f"unknown, because a server is away: {str(error).splitlines()[0]}"


def _job(services: Services, job_id: UUID) -> Iterator[str]:
    with reading(services.engine) as connection:
        row = connection.execute(select(jobs).where(jobs.c.id == job_id)).first()
        happened = connection.execute(select(events).where(events.c.job_id == job_id).order_by(events.c.id)).all()
        ended = connection.execute(
            select(attempts).where(attempts.c.job_id == job_id).order_by(attempts.c.number)
        ).all()
    if row is None:
        yield f"job {job_id} has no row"
        return
    yield (
        f"job {job_id}: {row.type}, {row.status}, fencing token {row.attempt}, queue {row.queue}, "
        f"lease {_short(row.lease_id)}, run at {row.run_at}, stop requested {row.cancel_requested_at}, "
        f"state {row.state}, errors {row.errors}"
    )
    yield f"events: {', '.join(_event(event) for event in happened)}"
    for attempt in ended:
        yield (
            f"attempt {attempt.number}: {attempt.outcome} {_age(attempt.finished_at)} in process {attempt.pid} "
            f"of worker {attempt.worker[:8]}: {attempt.error}"
        )


def _event(event: Row[Any]) -> str:
    return f"{event.name} {event.attempt or ''} {_age(event.at)}".replace("  ", " ")


def _ledger(installation: ChaosInstallation, job_id: UUID) -> Iterator[str]:
    lines = ledger.read(installation.ledger, job_id)
    for number in sorted({line.attempt for line in lines}):
        mine = [line for line in lines if line.attempt == number]
        first, last = (_age(datetime.fromtimestamp(line.at, UTC)) for line in (mine[0], mine[-1]))
        yield f"ledger: attempt {number}, {len(mine)} lines from {first} to {last}, the last one {mine[-1].what}"
    if not lines:
        yield "ledger: no attempt"


def _leases(services: Services) -> Iterator[str]:
    with reading(services.engine) as connection:
        rows = connection.execute(select(leases)).all()
        held = dict(connection.execute(select(jobs.c.lease_id, jobs.c.id).where(jobs.c.lease_id.is_not(None))).all())
    for row in rows:
        place = "" if row.host == socket.gethostname() else f" on {row.host}"
        yield (
            f"lease {_short(row.id)} of worker {row.worker[:8]}, process {row.worker_pid}{place} "
            f"({_state(row.worker_pid)}), opened {_age(row.started_at)}, heartbeat {row.beat} {_age(row.beat_at)}, "
            f"runs {held.get(row.id, 'no job')}"
        )
    if not rows:
        yield "no leases"


def _wake_ups(services: Services) -> Iterator[str]:
    with reading(services.engine) as connection:
        queued = connection.execute(select(jobs.c.queue).where(jobs.c.status == "queued")).scalars().all()
    for queue in sorted({"default", *queued}):
        waiting, workers = services.wake_ups.waiting(queue), services.wake_ups.workers_alive(queue)
        yield f"queue {queue}: {queued.count(queue)} queued jobs, {waiting} wake-ups, {workers} workers in Redis"


def _workers(services: Services) -> Iterator[str]:
    for worker in services.workers.all():
        silent = f"{worker.silent_for.total_seconds():.1f} s" if worker.silent_for else "unknown"
        yield f"worker {worker.name[:8]}, process {worker.pid}: {worker.state}, silent for {silent}"


def _processes(installation: ChaosInstallation) -> Iterator[str]:
    for name in PROGRAMS:
        process = installation.process(name)
        children = [
            f"{child.pid} ({_state(child.pid)}) with {[horse.pid for horse in _children(child)]}"
            for child in installation.children_of(name)
        ]
        yield f"{name}: process {process.pid if process else None}, children {', '.join(children)}"


def _logs(installation: ChaosInstallation) -> Iterator[str]:
    for name in PROGRAMS:
        path = installation.folder / f"{name}.log"
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        yield from (f"{name}.log: {line[:_LINE_LENGTH]}" for line in lines[-_LOG_LINES:])


def _children(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return list(process.children())
    return []


def _state(pid: int) -> str:
    with suppress(psutil.NoSuchProcess):
        return str(psutil.Process(pid).status())
    return "gone"


def _short(lease_id: UUID | None) -> str:
    return lease_id.hex[-8:] if lease_id else "none"


def _age(at: datetime) -> str:
    return f"{(datetime.now(UTC) - at).total_seconds():.2f} s ago"
