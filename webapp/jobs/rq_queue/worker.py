"""The worker: an RQ worker that forks a work-horse per wake-up, keeps its lease alive and settles it.

The life of a work-horse: a wake-up arrives; the worker opens a lease and forks; the work-horse runs the
queue's jobs under the lease, while threads of the worker keep the lease alive and watch the running job
(`supervision`); when the work-horse has ended for any reason, the worker settles the job that it left
running.
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
from webapp.db.sqlite_file import FilesClosed
from webapp.fault_injection import faultpoint
from webapp.jobs.execution.isolation.child_processes import children, end_children
from webapp.jobs.execution.leases import Holder, Leases, boot_id
from webapp.jobs.execution.output.output_pipe import OutputPipe
from webapp.jobs.execution.watchdog import Watchdog
from webapp.jobs.execution.worker_heartbeat import StopRequest, WorkerHeartbeat
from webapp.jobs.rq_queue import horse_process
from webapp.jobs.rq_queue.horse_process import HorseExit
from webapp.jobs.rq_queue.supervision import HorseSupervisor
from webapp.jobs.rq_queue.wake_ups import WakeUp, WakeUpQueue
from webapp.os_process import die_with_parent

log = logging.getLogger(__name__)
Work = Callable[[str, UUID, OutputPipe], None]
_IDLE_SECONDS = 2  # how long an idle worker waits for a wake-up before it reads stop requests
_ONE_REQUEST = timedelta(seconds=1)  # Ctrl-C reaches a worker twice: from the terminal and from its pool


class JobWorker(Worker):
    """RQ's worker, with the database as the source of truth; see the module's docstring.

    ``connection`` is for blocking reads, as long as RQ wants; ``fast_connection`` is for status updates
    and gives up soon if Redis does not respond.
    """

    queue_class: type[Queue] = WakeUpQueue
    job_class = WakeUp
    max_connection_wait_time = 1.0  # seconds between attempts to reach Redis
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
        keep_output: Callable[[UUID, bytes], bool],
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
        self._keep_output = keep_output
        self._output: OutputPipe | None = None
        self._children = children()  # that are no work-horse
        self._lease_id: UUID | None = None
        self._watchdog: Watchdog | None = None
        self._waits_for_work = False

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Handle a wake-up: run one work-horse, from its fork to its settlement."""
        faultpoint("worker.woken")
        with contextlib.suppress(RedisError):
            self._fast_connection.delete(job.key)
        self._lease_id = self._lease_for(queue.name)
        if self._lease_id is None:
            return
        watchdog = self._watchdog = self._make_watchdog(self._lease_id)
        faultpoint("worker.fork")
        with OutputPipe() as self._output:
            self.fork_work_horse(job, queue)
            self._output.close_writer()
            if self._stop_requested:  # the request came before the fork
                self.handle_warm_shutdown_request()
            ended = self._wait_for_end(watchdog, self._output)
            end_children(self._children)  # of the work-horse, which are this process's now
            output = self._output.rest()
        faultpoint("worker.settle")
        self._settle(watchdog, ended, self._lease_id, output)
        faultpoint("worker.settled")
        self._watchdog = None
        self.set_state(WorkerStatus.IDLE)

    def _lease_for(self, queue: str) -> UUID | None:
        """Open a lease if a job can be claimed; waits while the database is away."""
        while not self._stop_requested:
            try:
                if not self._has_work(queue):
                    return None  # this check costs a hundredth of a fork
                self.set_state(WorkerStatus.BUSY)
                return self._leases.open(self._holder(), queue)
            except DBAPIError as error:
                log.warning("The database cannot be reached (%s); jobs stay queued until it is back.", one_line(error))
                self.heartbeat()
                time.sleep(1)
        return None

    def main_work_horse(self, job: Job, queue: Queue) -> None:  # noqa: ARG002  (RQ's signature)
        """Run as the work-horse: run the queue's jobs, then exit."""
        try:
            die_with_parent(self.pid or 0)
            random.seed()
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            assert self._lease_id is not None  # noqa: S101  (execute_job opened it)
            assert self._output is not None  # noqa: S101  (execute_job made it)
            faultpoint("horse.begin")
            self._work(queue.name, self._lease_id, self._output)
        except FilesClosed:
            os._exit(horse_process.FILES_CLOSED)
        except BaseException:
            log.exception("The work-horse failed with an internal error.")
            os._exit(1)
        os._exit(0)

    def _wait_for_end(self, watchdog: Watchdog, output: OutputPipe) -> HorseExit:
        pid = self._horse_pid
        obey_request = partial(self._look_after, pid, watchdog, output)
        with HorseSupervisor(
            watchdog, kill=lambda: horse_process.kill(pid), obey_request=obey_request, heartbeat=self.heartbeat
        ):
            faultpoint("worker.forked")
            ended = horse_process.wait_for(pid)
        self._horse_pid = 0
        return ended

    def _look_after(self, pid: int, watchdog: Watchdog, output: OutputPipe) -> None:
        if dropped := output.relieve():
            log.warning("Dropped %d bytes of output: native code wrote them and kept Python from reading.", dropped)
        self._obey_stop_request(pid, watchdog)

    def _obey_stop_request(self, pid: int, watchdog: Watchdog) -> None:
        """Signal a stop request to the work-horse: after its job, or now. Repeated, because it may not listen yet."""
        request = self._worker_heartbeat.poll(pid)
        self._stop_requested = self._stop_requested or request is not None
        if request is StopRequest.NOW or watchdog.interrupted:
            self.handle_warm_shutdown_request()
        elif request is StopRequest.DRAIN:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGUSR1)

    def _settle(self, watchdog: Watchdog, ended: HorseExit, lease_id: UUID, output: bytes) -> None:
        while True:
            try:
                if output.strip() and not self._keep_output(lease_id, output):
                    log.warning(
                        "The last output of a work-horse: %s", output.decode(errors="backslashreplace").rstrip()
                    )
                output = b""
                return watchdog.settle(watchdog.kill_reason or ended.sentence, ended.pid, ended.peak_memory)
            except DBAPIError as error:
                log.warning(
                    "The database cannot be reached (%s); the lease is settled when it is back.", one_line(error)
                )
                time.sleep(1)

    def _holder(self) -> Holder:
        return Holder(host=socket.gethostname(), boot_id=boot_id(), worker=self.name, pid=self.pid or 0)

    # Overrides of RQ's behaviour

    def kill_horse(self, sig: signal.Signals = signal.SIGKILL) -> None:
        """Kill the work-horse, if there is one (without one, RQ 3.0 kills its own process group)."""
        if self._horse_pid > 0:
            horse_process.kill(self._horse_pid, sig)

    def subscribe(self) -> None:
        """Take no commands from Redis: stop requests are in the database."""

    def run_maintenance_tasks(self) -> None:
        """Remove dead workers; nothing else in RQ's registries belongs to Deskjob."""
        with contextlib.suppress(RedisError):
            for queue in self.queues:
                clean_worker_registry(queue)
        self.last_cleaned_at = now()  # type: ignore[assignment]  # (RQ declares no type)

    def check_for_suspension(self, burst: bool) -> None:  # noqa: FBT001  (RQ's signature)
        """Ignore the suspension key in Redis: queues are paused in the database."""

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Send RQ's heartbeat, and register again if Redis has lost the worker; does nothing without Redis.

        An idle worker stops here if it was requested to.
        """
        with contextlib.suppress(RedisError):
            if pipeline is None and self.birth_date and self._fast_connection.hmget(self.key, "birth") == [None]:
                self._fast_connection.hset(self.key, mapping=self.serialize() | {"state": self.get_state()})
                register(self, self._fast_connection)  # type: ignore[arg-type]
            super().heartbeat(timeout, self._fast_connection if pipeline is None else pipeline)  # type: ignore[arg-type]
        if self._waits_for_work and self._worker_heartbeat.poll():
            raise StopRequested

    def set_state(self, state: str, pipeline: Any = None) -> None:
        """Set the worker's state, also in Redis if it is reachable."""
        self._state = state
        with contextlib.suppress(RedisError):
            super().set_state(state, self._fast_connection if pipeline is None else pipeline)  # type: ignore[arg-type]

    def dequeue_job_and_maintain_ttl(self, timeout: int | None, max_idle_time: int | None = None) -> Any:
        """Wait for a wake-up; only here can a stop interrupt the worker immediately."""
        self._waits_for_work = True
        try:
            return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
        finally:
            self._waits_for_work = False

    def handle_warm_shutdown_request(self) -> None:
        """Interrupt the running job so that it is handed back; after its grace period the watchdog kills it."""
        if self._watchdog and self._horse_pid > 0:
            self._watchdog.interrupt()
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._horse_pid, signal.SIGUSR2)

    def request_force_stop(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002  (RQ's signature)
        """Kill the running job on a second request. It is settled as usual; RQ would exit without that."""
        first_request = self._shutdown_requested_date
        if first_request and now() - first_request > _ONE_REQUEST:
            self.kill_horse()

    def _shutdown(self) -> None:
        # RQ raises whenever it is not busy, even between taking a wake-up and forking
        self._stop_requested = True
        if self._waits_for_work:
            raise StopRequested
