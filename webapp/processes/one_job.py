"""Run one job in a work-horse of its own and end with it, as a process does that another system has started for a job.

Like a worker, this process keeps the lease alive, obeys stop requests, kills its work-horse when it must, and settles
the job however the work-horse ends. If this process is lost with its machine, the clock notices.
"""

import contextlib
import faulthandler
import logging
import os
import signal
import socket
from functools import partial
from types import FrameType
from uuid import UUID, uuid4

from sqlalchemy.exc import DBAPIError

from webapp.db.engine import forget_inherited_connections, holding_connections
from webapp.db.retry import ignore_while_away
from webapp.fault_injection import faultpoint
from webapp.jobs.execution.isolation.child_processes import OUTLIVES, end_children
from webapp.jobs.execution.isolation.job_isolation import JobIsolation
from webapp.jobs.execution.leases import Holder
from webapp.jobs.execution.output.output_capture import OutputCapture
from webapp.jobs.execution.output.output_pipe import OutputPipe
from webapp.jobs.execution.worker_heartbeat import WorkerHeartbeat, remove_workers
from webapp.jobs.launching.launches import NotLaunched
from webapp.jobs.lifecycle.finish_attempt import AttemptLocation
from webapp.jobs.model.job import BadRequest, Job, Status
from webapp.jobs.rq_queue import horse_process
from webapp.jobs.rq_queue.horse_process import AwaitOrder, HorseProcess
from webapp.jobs.rq_queue.supervision import HorseSupervisor
from webapp.os_process import adopt_orphans
from webapp.processes.worker import holder_of, horse_care, warm_up
from webapp.services import Services
from webapp.telemetry.log_context import set_process_fields
from webapp.telemetry.program import flush_telemetry, open_telemetry
from webapp.version import version

log = logging.getLogger(__name__)
_MEBIBYTE = 1024**2


def run_one_job(services: Services, job_id: UUID) -> Job:
    """Run a launched or queued job; return it as it is afterwards.

    SIGTERM and SIGINT hand it back. Raises `JobNotFound`, `NotLaunched` for a job that neither is queued nor waits for
    a process, and `BadRequest` at a limit or while everything is paused.
    """
    os.environ.pop(OUTLIVES[0], None)  # processes that its handler starts are ended with it
    name = f"job-{uuid4().hex}"
    adopt_orphans()
    set_process_fields(worker=name)
    warm_up(services, name)
    holder = holder_of(name)
    job, lease_id = _claim(services, services.jobs.get(job_id), holder)
    try:
        OneJob(services, holder, job, lease_id).run()
    finally:
        with contextlib.suppress(DBAPIError):  # the clock removes the row of the worker later
            services.launches.end(job.id, job.attempt)
            remove_workers(services.engine, name)
    return services.jobs.get(job.id)


class OneJob:
    """A claimed job and its lease."""

    def __init__(self, services: Services, holder: Holder, job: Job, lease_id: UUID) -> None:
        self._services = services
        self._holder = holder
        self._job = job
        self._lease_id = lease_id
        self._watchdog = services.make_watchdog(lease_id)
        heartbeat = WorkerHeartbeat(services.engine, holder, [], version())
        self._care = horse_care(services, holder.worker, heartbeat)

    def run(self) -> None:
        """Run the job to its end, and settle it."""
        self._services.engine.dispose()
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # it must not kill a work-horse before that has its own handler
        horse = HorseProcess(self._work)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, partial(self._hand_back, horse))
        look_after = partial(self._look_after, horse)
        kill = partial(horse_process.kill, horse.pid)
        with HorseSupervisor(self._watchdog, kill=kill, obey_request=look_after, heartbeat=lambda: None):
            faultpoint("one-job.begun")
            ended = horse.wait()
        end_children()  # of the work-horse, which are this process's now
        output = horse.output.rest()
        horse.close()
        patience = self._services.settings.lease_seconds
        self._care.settle(self._watchdog, ended, self._lease_id, output, patience=patience)

    def _look_after(self, horse: HorseProcess) -> None:
        """Do what is due every second. A request to stop is one to hand the job back: there is no next job."""
        if self._care.look_after(horse, self._watchdog) is not None or self._watchdog.interrupted:
            self._hand_back(horse)

    def _hand_back(self, horse: HorseProcess, _signal: int = 0, _frame: FrameType | None = None) -> None:
        self._watchdog.interrupt()
        with contextlib.suppress(ProcessLookupError):
            os.kill(horse.pid, signal.SIGUSR2)

    def _work(self, output: OutputPipe, _await_order: AwaitOrder) -> None:
        """Run the job, in the work-horse."""
        services = self._services
        executor = services.executor
        signal.signal(signal.SIGUSR2, lambda *_: executor.interrupt())
        forget_inherited_connections(services.engine)
        adopt_orphans()
        open_telemetry()
        faulthandler.enable(2)  # where a crash happened belongs to the output of the job
        services.files.retry_for(services.settings.lease_seconds)
        location = AttemptLocation(worker=self._holder.worker, host=socket.gethostname(), pid=os.getpid())
        with OutputCapture(output) as executor.output, holding_connections():
            ignore_while_away(services.claims.connect)
            executor.isolation = JobIsolation(services.settings.horse_megabytes * _MEBIBYTE)
            executor.run(self._job, location)
        flush_telemetry()


def _claim(services: Services, job: Job, holder: Holder) -> tuple[Job, UUID]:
    if services.launches.waits(job.id):
        return services.launches.begin(job.id, holder)
    if job.status is not Status.QUEUED:
        raise NotLaunched(job.id)
    lease_id = services.leases.open(holder, job.queue)
    claimed = services.claims.claim_one(job.id, job.queue, lease_id)
    if claimed is None:
        services.leases.settle(lease_id, why="")
        message = (
            f"Job {job.short_id} cannot start now: a limit is reached, everything is paused, or another process has it."
        )
        raise BadRequest(message)
    return claimed, lease_id
