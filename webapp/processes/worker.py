"""Run one worker process, and settle the jobs of workers that died.

Everything is imported, compiled and frozen before the first fork, so that work-horses start fast.
"""

import faulthandler
import gc
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

import psutil
from redis import RedisError
from sqlalchemy.exc import DBAPIError

from webapp.db.engine import forget_inherited_connections, sharing_reads
from webapp.db.revision import RevisionCheck
from webapp.jobs.execution.leases import Holder, boot_id
from webapp.jobs.execution.output.output_capture import OutputCapture
from webapp.jobs.execution.output.output_pipe import OutputPipe
from webapp.jobs.execution.process_snapshots.snapshot_taker import SnapshotTaker
from webapp.jobs.execution.rehearsal import rehearse
from webapp.jobs.execution.work_horse import Order
from webapp.jobs.execution.worker_heartbeat import WorkerHeartbeat, add_job_counts, remove_workers
from webapp.jobs.lifecycle.finish_attempt import AttemptLocation
from webapp.jobs.rq_queue.horse_care import HorseCare
from webapp.jobs.rq_queue.horse_process import AwaitOrder
from webapp.jobs.rq_queue.next_wake_up import NextWakeUp
from webapp.jobs.rq_queue.redis_connection import connect
from webapp.jobs.rq_queue.worker import JobWorker
from webapp.os_process import adopt_orphans, fill_memory_gaps
from webapp.processes.pool import Pool
from webapp.services import Services
from webapp.telemetry.log_context import set_process_fields
from webapp.telemetry.program import flush_telemetry, open_telemetry
from webapp.version import version

log = logging.getLogger(__name__)


def run(services: Services, name: str, queues: list[str]) -> None:
    """Run the worker ``name`` until it is asked to stop."""
    forget_inherited_connections(services.engine)
    adopt_orphans()  # what a killed work-horse has started
    set_process_fields(worker=name)
    while True:
        try:
            RevisionCheck(services.engine).matches()  # raises while the database is away
            worker = job_worker(services, name, queues)
        except (RedisError, DBAPIError) as error:
            log.warning("The database or Redis is not available yet (%s). The worker waits.", error)
            time.sleep(1)
            continue
        try:
            worker.work(logging_level="WARNING")
        finally:
            _remove_row(services, name)
        return


def run_pool(services: Services, queues: list[str], workers: int | None = None) -> None:
    """Run a pool of workers on these queues until it is asked to stop; on all queues if none is given.

    Call `warm_up` before it, so that the workers share the memory of what that builds.
    """
    settle_dead_workers(services)
    names = queues or [queue.name for queue in services.queues.all()]
    for name in names:
        services.queues.add(name)  # jobs can be sent to every queue that a worker serves
    services.engine.dispose()
    log.info("Workers of version %s start.", version())  # read before a deploy replaces files
    pool = Pool(
        workers or services.settings.workers,
        work=lambda name: run(services, name, names),
        settle=lambda name: settle_worker(services, name),
        grace_seconds=services.settings.stop_grace_seconds,
    )
    pool.run()


def _remove_row(services: Services, name: str) -> None:
    services.begun_jobs.remove(name)
    with suppress(DBAPIError):  # the clock removes the row later
        remove_workers(services.engine, name)


def settle_worker(services: Services, name: str) -> None:
    """Settle the jobs that a dead worker was running."""
    forget_inherited_connections(services.engine)
    for lease_id in services.leases.held_by_worker(name):
        services.leases.settle(lease_id, why="The worker that ran this job was killed.", worker_gone=True)
    remove_workers(services.engine, name)
    services.begun_jobs.remove(name)
    services.engine.dispose()


def settle_dead_workers(services: Services) -> None:
    """Settle the jobs of this machine's workers that died, for example when the machine went down."""
    for lease_id in services.leases.held_by_dead_workers(socket.gethostname(), _is_alive, boot_id()):
        services.leases.settle(lease_id, why="The worker that ran this job went down.", worker_gone=True)
    dead = services.workers.dead_on_host(socket.gethostname(), _is_alive, boot_id())
    remove_workers(services.engine, *dead)
    for name in dead:
        services.begun_jobs.remove(name)
    services.engine.dispose()


def _is_alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)  # a zombie has ended
    except psutil.NoSuchProcess:
        return False


def job_worker(services: Services, name: str, queues: list[str]) -> JobWorker:
    """Build the RQ worker ``name``; raises ``RedisError`` when Redis is away."""
    revision_check = RevisionCheck(services.engine)

    def work(output: OutputPipe, await_order: AwaitOrder, *, lingers: bool) -> None:
        forget_inherited_connections(services.engine)
        adopt_orphans()
        open_telemetry()
        faulthandler.enable(2)  # where a crash happened belongs to the output of the job
        linger = settings.horse_linger_seconds if lingers else 0.0
        next_wake_up = NextWakeUp(settings.redis, queues, linger)
        _on_signal(signal.SIGUSR2, services.executor.interrupt, next_wake_up.end)
        _on_signal(signal.SIGUSR1, services.executor.drain, next_wake_up.end)
        horse = AttemptLocation(worker=name, host=socket.gethostname(), pid=os.getpid())

        def next_order() -> Order | None:
            _add_job_counts(services, name)
            return await_order()

        with OutputCapture(output) as services.executor.output:
            services.work_horse(next_wake_up.wait, linger).serve(next_order, horse)
        _add_job_counts(services, name)
        flush_telemetry()

    settings = services.settings
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # these must not kill a work-horse before it sets its own handlers
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    holder = holder_of(name)
    worker_heartbeat = WorkerHeartbeat(services.engine, holder, queues, version())
    return JobWorker(
        queues,
        connect(services.settings.redis),
        fast_connection=services.redis,
        name=name,
        worker_heartbeat=worker_heartbeat,
        make_watchdog=services.make_watchdog,
        has_work=lambda queue: revision_check.matches() and _has_work(services, queue),
        open_lease=lambda queue: _open_lease(services, holder, queue) if revision_check.matches() else None,
        work=work,
        care=horse_care(services, name, worker_heartbeat),
        wake=services.wake_ups.push,
    )


def _has_work(services: Services, queue: str) -> bool:
    if services.claims.has_claimable(queue):
        return True
    return services.launch_run is not None and services.launch_run.has_unwanted(queue)


def _open_lease(services: Services, holder: Holder, queue: str) -> UUID | None:
    with sharing_reads():
        if lease_id := services.leases.open_if_claimable(services.claims, holder, queue):
            return lease_id
        if services.launch_run is not None and services.launch_run.has_unwanted(queue):
            return services.leases.open(holder, queue)
    return None


def _add_job_counts(services: Services, name: str) -> None:
    """Add what this work-horse has counted to the numbers of its worker."""
    counts = services.executor.take_counts()
    if any(counts.values()):
        with suppress(DBAPIError):  # only shown on pages
            add_job_counts(services.engine, name, **counts)


def _on_signal(number: signal.Signals, *steps: Callable[[], None]) -> None:
    def handle(*_: object) -> None:
        for step in steps:
            step()

    signal.signal(number, handle)


def warm_up(services: Services, name: str = "warm-up") -> None:
    """Import the driver, compile the frequent statements, and prepare the memory that forks share."""
    services.build()  # nothing is imported in a fork
    RevisionCheck(services.engine).matches()
    rehearse(services.claims, services.leases, holder_of(name))
    services.engine.dispose()
    gc.collect()
    gc.freeze()
    fill_memory_gaps()  # also those that the connections have left


def horse_care(services: Services, name: str, worker_heartbeat: WorkerHeartbeat) -> HorseCare:
    """Return the care for the work-horses of this process."""
    taker = SnapshotTaker(services.process_snapshots, name, services.vault)
    return HorseCare(worker_heartbeat, taker, services.last_output.add)


def holder_of(name: str) -> Holder:
    """Return this process as the holder of leases."""
    return Holder(host=socket.gethostname(), boot_id=boot_id(), worker=name, pid=os.getpid())
