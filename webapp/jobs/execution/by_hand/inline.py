"""Inline runs: run one job in this process, under a lease and a fence like any other job."""

import signal
import threading
from collections.abc import Callable
from uuid import UUID

from webapp import os_process
from webapp.jobs.definition.registry import Registry
from webapp.jobs.execution.executor import Executor
from webapp.jobs.execution.isolation.child_processes import children, end_children
from webapp.jobs.execution.leases import Holder, Leases
from webapp.jobs.execution.output.output_capture import OutputCapture
from webapp.jobs.execution.output.output_pipe import OutputPipe
from webapp.jobs.execution.watchdog import Watchdog
from webapp.jobs.lifecycle.finish_attempt import AttemptLocation
from webapp.jobs.model.job import BadRequest, IllegalTransition, Job, Status
from webapp.jobs.queueing.claim import Claims, Prepare
from webapp.jobs.store.job_store import JobStore

WatchdogFactory = Callable[[UUID], Watchdog]
_INTERRUPTED = "It ran from the command line and was interrupted."


class WorkerOnly(BadRequest):
    """Raised when a job of a ``worker_only`` type would run outside a worker."""

    def __init__(self, type_name: str) -> None:
        """Name the type."""
        super().__init__(f"Jobs of type {type_name!r} run only in a worker, not from the command line.")


def refuse_worker_only(registry: Registry, type_name: str) -> None:
    """Raise `WorkerOnly` if the type runs only in a worker."""
    if type_name in registry and registry.get(type_name).worker_only:
        raise WorkerOnly(type_name)


def refuse_record_only(job: Job) -> None:
    """Raise `BadRequest` for a job whose handler is never called."""
    if job.record_only:
        message = f"Job {job.short_id} is record-only: its work is done elsewhere."
        raise BadRequest(message)


class InlineRun:
    """Runs one queued job immediately, ahead of all others and even from a paused queue, but within its limits.

    It runs none while everything is paused.
    """

    def __init__(
        self,
        *,
        store: JobStore,
        registry: Registry,
        claims: Claims,
        executor: Executor,
        leases: Leases,
        make_watchdog: WatchdogFactory,
    ) -> None:
        self._store = store
        self._registry = registry
        self._claims = claims
        self._executor = executor
        self._leases = leases
        self._make_watchdog = make_watchdog

    def run(self, job_id: UUID, holder: Holder, prepare: Prepare | None = None) -> Job:
        """Run a queued job in the main thread; return the job as it is afterwards.

        ``prepare`` can queue it first, in the transaction that claims it (`ManualStart`).
        ``KeyboardInterrupt`` hands it back to its queue. Raises `JobNotFound`, `WorkerOnly`,
        `IllegalTransition` if the job is not queued, and `BadRequest` at a concurrency limit or a rate, or while
        everything is paused.
        """
        job = self._store.get(job_id)
        refuse_worker_only(self._registry, job.type)
        refuse_record_only(job)
        lease_id = self._leases.open(holder, job.queue)
        watchdog = self._make_watchdog(lease_id)
        try:
            claimed = self._claims.claim_one(job_id, job.queue, lease_id, prepare)
            if claimed is None:
                raise self._claim_error(job_id, prepared=prepare is not None)
            self._run(claimed, holder, watchdog)
        finally:
            watchdog.settle(watchdog.kill_reason or _INTERRUPTED, holder.pid, 0)
        return self._store.get(claimed.id)

    def _run(self, job: Job, holder: Holder, watchdog: Watchdog) -> None:
        ended = threading.Event()
        thread = os_process.start_thread(lambda: _keep_alive(watchdog, ended), "beat")
        location = AttemptLocation(worker=holder.worker, host=holder.host, pid=holder.pid)
        processes = children()
        try:
            with OutputPipe() as pipe, OutputCapture(pipe, tee=True) as self._executor.output:
                self._executor.run(job, location)
        except KeyboardInterrupt:
            if not watchdog.kill_reason:
                watchdog.interrupt()  # Ctrl-C: the job is handed back
                raise
        finally:
            self._executor.output = None
            ended.set()
            thread.join()
            end_children(processes)

    def _claim_error(self, job_id: UUID, *, prepared: bool) -> Exception:
        job = self._store.get(job_id)
        if job.status is not Status.QUEUED and not prepared:
            return IllegalTransition(job_id, job.status, Status.RUNNING)
        if self._claims.everything_is_paused():
            return BadRequest(f"Job {job.short_id} cannot start now: everything is paused.")
        reached = "a concurrency limit" if job.rate_key is None else "the rate or a concurrency limit of its type"
        return BadRequest(f"Job {job.short_id} cannot start now: {reached} is reached.")


def _keep_alive(watchdog: Watchdog, ended: threading.Event) -> None:
    while not ended.wait(watchdog.interval_seconds):
        if watchdog.check() and not ended.is_set():
            # like Ctrl-C, even during a system call; sent again if the handler swallows it
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
