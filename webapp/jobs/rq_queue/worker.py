"""The worker: an RQ worker that forks a work-horse per wake-up, beats its lease and settles it.

A horse's life: a wake-up arrives; the worker opens a lease and forks; the horse drains the
queue under the lease; threads of the worker beat the lease and watch what runs (guard.py); when
the horse has ended, however it ended, the worker settles what it left running.
"""

import contextlib
import logging
import os
import random
import signal
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from types import FrameType
from typing import Any
from uuid import UUID

from redis import Redis, RedisError
from rq import Queue, Worker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import now
from rq.worker import WorkerStatus
from rq.worker_registration import clean_worker_registry, register
from sqlalchemy.exc import DBAPIError

from webapp.db.retry import one_line
from webapp.fault_injection import faultpoint
from webapp.jobs.execution.leases import Holder, Leases, boot_id
from webapp.jobs.execution.watchdog import Watchdog
from webapp.jobs.execution.worker_heartbeat import StopRequest, WorkerHeartbeat
from webapp.jobs.rq_queue import horse_process
from webapp.jobs.rq_queue.horse_process import HorseExit
from webapp.jobs.rq_queue.supervision import HorseSupervisor
from webapp.jobs.rq_queue.wake_ups import WakeUp, WakeUpQueue
from webapp.os_process import die_with_parent

log = logging.getLogger(__name__)
Work = Callable[[str, UUID], None]
_IDLE_SECONDS = 2  # how long an idle worker waits for a wake-up before it looks at what is asked of it
_ONE_REQUEST = timedelta(seconds=1)  # Ctrl-C reaches a worker twice: from the terminal, and from its pool


class JobWorker(Worker):
    """RQ's worker, with the row as the record; see the module's page for a horse's life.

    ``connection`` is for waiting, as long as RQ likes; ``fast_connection`` is for showing what the worker
    does, and gives up on a Redis that does not answer soon.
    """

    queue_class: type[Queue] = WakeUpQueue
    job_class = WakeUp
    max_connection_wait_time = 1.0  # Redis is asked again each second until it is back
    dequeue_timeout = _IDLE_SECONDS

    def __init__(
        self,
        queues: list[str],
        connection: Redis,
        *,
        fast_connection: Redis,
        name: str,
        leases: Leases,
        worker_heartbeat: WorkerHeartbeat,
        make_watchdog: Callable[[UUID], Watchdog],
        has_work: Callable[[str], bool],
        work: Work,
    ) -> None:
        super().__init__(
            [WakeUpQueue(name, connection) for name in queues],
            name=name,
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=30,
            log_job_description=False,
        )
        self._fast_connection = fast_connection
        self._leases = leases
        self._worker_heartbeat = worker_heartbeat
        self._make_watchdog = make_watchdog
        self._has_work = has_work
        self._work = work
        self._lease_id: UUID | None = None
        self._watchdog: Watchdog | None = None
        self._waits_for_work = False

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Answer a wake-up: one work-horse, from its fork to its settlement."""
        faultpoint("worker.woken")
        with contextlib.suppress(RedisError):
            self._fast_connection.delete(job.key)
        self._lease_id = self._lease_for(queue.name)
        if self._lease_id is None:
            return
        watchdog = self._watchdog = self._make_watchdog(self._lease_id)
        faultpoint("worker.fork")
        self.fork_work_horse(job, queue)
        if self._stop_requested:  # it came before there was a horse to tell
            self.handle_warm_shutdown_request()
        ended = self._wait_for_end(watchdog)
        faultpoint("worker.settle")
        self._settle(watchdog, ended)
        faultpoint("worker.settled")
        self._watchdog = None
        self.set_state(WorkerStatus.IDLE)

    def _lease_for(self, queue: str) -> UUID | None:
        """Open a lease if there is work to do, once the database is there."""
        while not self._stop_requested:
            try:
                if not self._has_work(queue):
                    return None  # a look costs a hundredth of a fork
                self.set_state(WorkerStatus.BUSY)
                return self._leases.open(self._holder(), queue)
            except DBAPIError as error:
                log.warning("The database cannot be reached (%s); the work waits until it is back.", one_line(error))
                self.heartbeat()
                time.sleep(1)
        return None

    def main_work_horse(self, job: Job, queue: Queue) -> None:  # noqa: ARG002  (RQ's signature)
        """Be the work-horse: drain the queue, then end."""
        try:
            die_with_parent(self.pid or 0)
            random.seed()
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            assert self._lease_id is not None  # noqa: S101  (execute_job opened it)
            faultpoint("horse.begin")
            self._work(queue.name, self._lease_id)
        except BaseException:
            log.exception("The work-horse ended on an error of its own.")
            os._exit(1)
        os._exit(0)

    def _wait_for_end(self, watchdog: Watchdog) -> HorseExit:
        pid = self._horse_pid
        obey_request = partial(self._obey_stop_request, pid, watchdog)
        with HorseSupervisor(
            watchdog, kill=lambda: horse_process.kill(pid), obey_request=obey_request, heartbeat=self.heartbeat
        ):
            faultpoint("worker.forked")
            ended = horse_process.wait_for(pid)
        self._horse_pid = 0
        return ended

    def _obey_stop_request(self, pid: int, watchdog: Watchdog) -> None:
        """Have the horse end after its job, or hand it back now; said at each look, for it may not hear yet."""
        wish = self._worker_heartbeat.poll(pid)
        self._stop_requested = self._stop_requested or wish is not None
        if wish is StopRequest.NOW or watchdog.interrupted:
            self.handle_warm_shutdown_request()
        elif wish is StopRequest.DRAIN:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGUSR1)

    def _settle(self, watchdog: Watchdog, ended: HorseExit) -> None:
        while True:
            try:
                return watchdog.settle(watchdog.kill_reason or ended.sentence, ended.pid, ended.peak_memory)
            except DBAPIError as error:
                log.warning(
                    "The database cannot be reached (%s); the lease is settled when it is back.", one_line(error)
                )
                time.sleep(1)

    def _holder(self) -> Holder:
        return Holder(host=socket.gethostname(), boot_id=boot_id(), worker=self.name, pid=self.pid or 0)

    # What RQ does by itself and must not do here

    def kill_horse(self, sig: signal.Signals = signal.SIGKILL) -> None:
        """Kill the horse, if there is one (RQ 3.0 kills its own process group when there is none)."""
        if self._horse_pid > 0:
            horse_process.kill(self._horse_pid, sig)

    def subscribe(self) -> None:
        """Take no commands from Redis: what is to be stopped stands in the row."""

    def run_maintenance_tasks(self) -> None:
        """Forget dead workers; there is nothing else of ours in RQ's registries."""
        with contextlib.suppress(RedisError):
            for queue in self.queues:
                clean_worker_registry(queue)
        self.last_cleaned_at = now()  # type: ignore[assignment]  # (RQ declares no type)

    def check_for_suspension(self, burst: bool) -> None:  # noqa: FBT001  (RQ's signature)
        """Never suspend by a key in Redis: queues are paused in the database."""

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Show RQ that the worker lives; without Redis it lives all the same, and a Redis that forgot it is told.

        An idle one ends here when it was asked to.
        """
        with contextlib.suppress(RedisError):
            if pipeline is None and self.birth_date and self._fast_connection.hmget(self.key, "birth") == [None]:
                self._fast_connection.hset(self.key, mapping=self.serialize() | {"state": self.get_state()})
                register(self, self._fast_connection)  # type: ignore[arg-type]
            super().heartbeat(timeout, self._fast_connection if pipeline is None else pipeline)  # type: ignore[arg-type]
        if self._waits_for_work and self._worker_heartbeat.poll():
            raise StopRequested

    def set_state(self, state: str, pipeline: Any = None) -> None:
        """Note what the worker does, in Redis too if it can be reached."""
        self._state = state
        with contextlib.suppress(RedisError):
            super().set_state(state, self._fast_connection if pipeline is None else pipeline)  # type: ignore[arg-type]

    def dequeue_job_and_maintain_ttl(self, timeout: int | None, max_idle_time: int | None = None) -> Any:
        """Wait for a wake-up; only here may a stop interrupt at once."""
        self._waits_for_work = True
        try:
            return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
        finally:
            self._waits_for_work = False

    def handle_warm_shutdown_request(self) -> None:
        """Ask the running job to hand itself back; after its grace the watch ends it."""
        if self._watchdog and self._horse_pid > 0:
            self._watchdog.interrupt()
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._horse_pid, signal.SIGUSR2)

    def request_force_stop(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002  (RQ's signature)
        """Asked a second time: end the running job now. It is settled as ever; RQ would leave without that."""
        asked_before = self._shutdown_requested_date
        if asked_before and now() - asked_before > _ONE_REQUEST:
            self.kill_horse()

    def _shutdown(self) -> None:
        # RQ raises whenever it is not busy, also between taking a wake-up and forking
        self._stop_requested = True
        if self._waits_for_work:
            raise StopRequested
