"""The worker: an RQ worker that takes wake-ups, gives work-horses their leases, keeps these alive and settles them.

The life of a work-horse: it is forked while the worker is idle, and waits; a wake-up arrives; the worker
opens a lease, which is the order that the work-horse waits for; it runs the queue's jobs under the lease, and
those of the wake-ups that follow soon, while threads of the worker keep the lease alive and watch the running
job (`supervision`); when the work-horse has ended for any reason, the worker forks the next one and settles
the job that was left running.
"""

import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from types import FrameType
from typing import Any, Protocol
from uuid import UUID

from redis import Redis, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from rq import Queue, Worker
from rq.exceptions import DequeueTimeout, StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import now
from rq.worker import WorkerStatus
from rq.worker_registration import clean_worker_registry, register
from sqlalchemy.exc import DBAPIError

from webapp.db.engine import without_ping
from webapp.db.retry import one_line
from webapp.fault_injection import faultpoint
from webapp.jobs.execution.isolation.child_processes import children, end_children
from webapp.jobs.execution.output.output_pipe import OutputPipe
from webapp.jobs.execution.watchdog import Watchdog
from webapp.jobs.execution.work_horse import Order
from webapp.jobs.execution.worker_heartbeat import StopRequest, WorkerHeartbeat
from webapp.jobs.rq_queue import horse_process
from webapp.jobs.rq_queue.horse_care import HorseCare
from webapp.jobs.rq_queue.horse_process import AwaitOrder, HorseExit, HorseProcess
from webapp.jobs.rq_queue.supervision import HorseSupervisor
from webapp.jobs.rq_queue.wake_ups import WakeUp, WakeUpQueue

log = logging.getLogger(__name__)


_IDLE_SECONDS = 2  # how long an idle worker waits for a wake-up before it reads stop requests
_ONE_REQUEST = timedelta(seconds=1)  # Ctrl-C reaches a worker twice: from the terminal and from its pool


class Work(Protocol):
    """What a work-horse does: it waits for its order, and for more wake-ups at its end if it ``lingers``."""

    def __call__(self, output: OutputPipe, await_order: AwaitOrder, *, lingers: bool) -> None:
        """Work until the work-horse has to end."""


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
        worker_heartbeat: WorkerHeartbeat,
        make_watchdog: Callable[[UUID], Watchdog],
        has_work: Callable[[str], bool],
        open_lease: Callable[[str], UUID | None],
        work: Work,
        care: HorseCare,
        wake: Callable[[str], None],
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
        self._worker_heartbeat = worker_heartbeat
        self._make_watchdog = make_watchdog
        self._has_work = has_work
        self._open_lease = open_lease
        self._work = work
        self._care = care
        self._wake = wake
        self._children = children()  # that are no work-horse
        self._spare: HorseProcess | None = None  # the next work-horse, which waits for its order
        self._burst = False
        self._watchdog: Watchdog | None = None
        self._waits_for_work = False

    def execute_job(self, job: Job, queue: Queue) -> None:  # noqa: ARG002  (RQ's signature)
        """Handle a wake-up: give a work-horse its order, and settle it when it has ended."""
        faultpoint("worker.woken")
        lease_id = self._lease_for(queue.name)
        if lease_id is None:
            return
        watchdog = self._watchdog = self._make_watchdog(lease_id)
        faultpoint("worker.order")
        horse = self._begin(Order(lease_id=lease_id, queue=queue.name))
        self._horse_pid = horse.pid
        if self._stop_requested:  # the request came before the order
            self.handle_warm_shutdown_request()
        ended = self._wait_for_end(watchdog, horse)
        if ended is None:
            self._spare, output = horse, b""
        else:
            self._fork_ahead()
            end_children({*self._children, *self._spare_pid})  # of the work-horse, which are this process's now
            output = horse.output.rest()
            horse.close()
        faultpoint("worker.settle")
        self._care.settle(watchdog, ended, lease_id, output)
        faultpoint("worker.settled")
        self._watchdog = None
        if ended and ended.status:  # it may have taken wake-ups that nobody else gets
            self._wake_again()
        self.set_state(WorkerStatus.IDLE)

    def _fork_ahead(self) -> None:
        """Fork the next work-horse, unless it is there already or the worker stops."""
        if self._spare is not None and self._spare.has_ended():
            self._dismiss_spare()
        if self._spare is None and not self._stop_requested:
            faultpoint("worker.fork")
            self._spare = HorseProcess(self._run_horse)

    def _begin(self, order: Order) -> HorseProcess:
        horse, self._spare = self._spare, None
        while horse is None or not horse.begin(order):  # somebody killed it while it waited
            if horse is not None:
                horse.dismiss()
            horse = HorseProcess(self._run_horse)
        return horse

    def _dismiss_spare(self) -> None:
        if self._spare is not None:
            self._spare.dismiss()
            self._spare = None

    @property
    def _spare_pid(self) -> set[int]:
        return {self._spare.pid} if self._spare else set()

    def _run_horse(self, output: OutputPipe, await_order: AwaitOrder) -> None:
        self._work(output, await_order, lingers=not self._burst)

    def _lease_for(self, queue: str) -> UUID | None:
        """Open a lease if a job can be claimed; waits while the database is away.

        Without work there is none: a work-horse that finds no job would have to be replaced.
        """
        if not self._stop_requested:
            with contextlib.suppress(DBAPIError), without_ping():  # suppressed: the idle connection was broken
                return self._open_lease(queue)
        while not self._stop_requested:
            try:
                return self._open_lease(queue)
            except DBAPIError as error:
                log.warning("The database cannot be reached (%s); jobs stay queued until it is back.", one_line(error))
                self.heartbeat()
                time.sleep(1)
        return None

    def _wait_for_end(self, watchdog: Watchdog, horse: HorseProcess) -> HorseExit | None:
        obey_request = partial(self._look_after, horse, watchdog)
        with HorseSupervisor(
            watchdog, kill=lambda: horse_process.kill(horse.pid), obey_request=obey_request, heartbeat=self.heartbeat
        ):
            faultpoint("worker.ordered")
            self.set_state(WorkerStatus.BUSY)
            ended = horse.wait()
        self._horse_pid = 0
        return ended

    def _wake_again(self) -> None:
        for queue in self.queues:
            with contextlib.suppress(DBAPIError):  # the clock does the same
                if self._has_work(queue.name):
                    self._wake(queue.name)

    def _look_after(self, horse: HorseProcess, watchdog: Watchdog) -> None:
        self._obey_stop_request(self._care.look_after(horse, watchdog), horse.pid, watchdog)

    def _obey_stop_request(self, request: StopRequest | None, pid: int, watchdog: Watchdog) -> None:
        """Signal a stop request to the work-horse: after its job, or now. Repeated, because it may not listen yet."""
        self._stop_requested = self._stop_requested or request is not None
        if request is StopRequest.NOW or watchdog.interrupted:
            self.handle_warm_shutdown_request()
        elif request is StopRequest.DRAIN:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGUSR1)

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

    def register_birth(self) -> None:
        """Register the worker, and its queues for RQ's tools."""
        super().register_birth()  # type: ignore[no-untyped-call]
        self.connection.sadd(Queue.redis_queues_keys, *(queue.key for queue in self.queues))

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
        if state == self._state:
            return
        self._state = state
        with contextlib.suppress(RedisError):
            super().set_state(state, self._fast_connection if pipeline is None else pipeline)  # type: ignore[arg-type]

    def work(self, burst: bool = False, *arguments: Any, **options: Any) -> bool:  # noqa: FBT001, FBT002  (RQ's signature)
        """Work until a stop is requested, or with ``burst`` until there are no wake-ups."""
        self._burst = burst
        try:
            return super().work(burst, *arguments, **options)
        finally:
            self._dismiss_spare()

    def dequeue_job_and_maintain_ttl(self, timeout: int | None, max_idle_time: int | None = None) -> Any:  # noqa: ARG002
        """Wait for a wake-up; only here can a stop interrupt the worker immediately."""
        self._waits_for_work = True
        try:
            return self._next_wake_up(timeout)
        finally:
            self._waits_for_work = False

    def _next_wake_up(self, timeout: int | None) -> Any:
        """Wait, with what an idle worker does meanwhile. Nothing follows a wake-up: a job waits for its start."""
        self.set_state(WorkerStatus.IDLE)
        while True:
            self._fork_ahead()
            self.heartbeat()
            if self.should_run_maintenance_tasks:
                self.run_maintenance_tasks()
            try:
                return WakeUpQueue.dequeue_any(self.queues, timeout, self.connection)
            except DequeueTimeout:
                continue
            except (RedisConnectionError, RedisTimeoutError) as error:
                log.warning("Redis cannot be reached (%s); the worker waits.", error)
                time.sleep(self.max_connection_wait_time)

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
