"""The worker: an RQ worker that forks a work-horse per wake-up, beats its lease and settles it.

A horse's life: a wake-up arrives; the worker opens a lease and forks; the horse drains the
queue under the lease; a thread of the worker beats the lease and watches what runs; when the
horse has ended, however it ended, the worker settles what it left running.
"""

import contextlib
import logging
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from resource import struct_rusage
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

from webapp.jobs import background
from webapp.jobs.leases import Holder, Leases, boot_id
from webapp.jobs.parent_death import die_with_parent
from webapp.jobs.patience import short
from webapp.jobs.rq_queue.registry import VERSION
from webapp.jobs.rq_queue.wake_ups import WakeUp, WakeUpQueue
from webapp.jobs.watch import Watch
from webapp.version import version

log = logging.getLogger(__name__)
Work = Callable[[str, UUID], None]
_ONE_REQUEST = timedelta(seconds=1)  # Ctrl-C reaches a worker twice: from the terminal, and from its pool


class JobWorker(Worker):
    """RQ's worker, with the row as the record; see the module's page for a horse's life."""

    queue_class: type[Queue] = WakeUpQueue
    job_class = WakeUp
    max_connection_wait_time = 1.0  # Redis is asked again each second until it is back

    def __init__(
        self,
        queues: list[str],
        connection: Redis,
        *,
        name: str,
        leases: Leases,
        watch: Callable[[UUID], Watch],
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
        self._leases = leases
        self._watch = watch
        self._has_work = has_work
        self._work = work
        self._lease_id: UUID | None = None
        self._watching: Watch | None = None
        self._waits_for_work = False

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Answer a wake-up: one work-horse, from its fork to its settlement."""
        with contextlib.suppress(RedisError):
            self.connection.delete(job.key)
        self._lease_id = self._lease_for(queue.name)
        if self._lease_id is None:
            return
        self.set_state(WorkerStatus.BUSY)
        watching = self._watching = self._watch(self._lease_id)
        self.fork_work_horse(job, queue)
        if self._stop_requested:  # it came before there was a horse to tell
            self.handle_warm_shutdown_request()
        pid, status, usage = self._wait_for_end(watching)
        self._settle(watching, pid, status, usage)
        self._watching = None
        self.set_state(WorkerStatus.IDLE)

    def _lease_for(self, queue: str) -> UUID | None:
        """Open a lease if there is work to do, once the database is there."""
        while not self._stop_requested:
            try:
                # a look costs a hundredth of a fork
                return self._leases.open(self._holder(), queue) if self._has_work(queue) else None
            except DBAPIError as error:
                log.warning("The database cannot be reached (%s); the work waits until it is back.", short(error))
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
            self._work(queue.name, self._lease_id)
        except BaseException:
            log.exception("The work-horse ended on an error of its own.")
            os._exit(1)
        os._exit(0)

    def _wait_for_end(self, watching: Watch) -> tuple[int, int, struct_rusage]:
        pid, ended = self._horse_pid, threading.Event()
        thread = background.start(lambda: self._keep_alive(watching, pid, ended), "beat")
        _, status, usage = os.wait4(pid, 0)
        ended.set()
        thread.join()  # no thread may run while the next horse is forked
        self._horse_pid = 0
        return pid, status, usage

    def _keep_alive(self, watching: Watch, pid: int, ended: threading.Event) -> None:
        while not ended.wait(watching.interval_seconds):
            try:
                self.heartbeat()
                must_end = watching.look()
            except Exception:
                log.exception("A look at the running job failed.")  # the next one may not
                continue
            if must_end and not ended.is_set():
                _kill(pid)

    def _settle(self, watching: Watch, pid: int, status: int, usage: struct_rusage) -> None:
        why = watching.verdict or _how_it_ended(status, usage)
        while True:
            try:
                return watching.settle(why, pid, usage.ru_maxrss * 1024)
            except DBAPIError as error:
                log.warning("The database cannot be reached (%s); the lease is settled when it is back.", short(error))
                time.sleep(1)

    def _holder(self) -> Holder:
        return Holder(
            host=socket.gethostname(), boot_id=boot_id(), worker=self.name, pid=self.pid or 0, version=version()
        )

    # What RQ does by itself and must not do here

    def kill_horse(self, sig: signal.Signals = signal.SIGKILL) -> None:
        """Kill the horse, if there is one (RQ 3.0 kills its own process group when there is none)."""
        if self._horse_pid > 0:
            _kill(self._horse_pid, sig)

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
        """Show RQ that the worker lives, and in which version; without Redis it lives all the same."""
        with contextlib.suppress(RedisError):
            if not self.connection.hexists(self.key, "birth"):
                self._register_again()
            self.connection.hset(self.key, VERSION, version())
            super().heartbeat(timeout, pipeline)

    def _register_again(self) -> None:
        """Tell a Redis that was emptied that this worker is there."""
        with self.connection.pipeline() as pipeline:
            pipeline.hset(self.key, mapping=self.serialize() | {"state": self.get_state()})
            register(self, pipeline)
            pipeline.execute()

    def set_state(self, state: str, pipeline: Any = None) -> None:
        """Note what the worker does, in Redis too if it can be reached."""
        self._state = state
        with contextlib.suppress(RedisError):
            super().set_state(state, pipeline)

    def dequeue_job_and_maintain_ttl(self, timeout: int | None, max_idle_time: int | None = None) -> Any:
        """Wait for a wake-up; only here may a stop interrupt at once."""
        self._waits_for_work = True
        try:
            return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
        finally:
            self._waits_for_work = False

    def handle_warm_shutdown_request(self) -> None:
        """Ask the running job to hand itself back; after its grace the watch ends it."""
        if self._watching and self._horse_pid > 0:
            self._watching.interrupt()
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


def _kill(pid: int, sig: signal.Signals = signal.SIGKILL) -> None:
    with contextlib.suppress(ProcessLookupError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, sig)  # with whatever the handler has started
        else:
            os.kill(pid, sig)  # it has not made its own group yet


def _how_it_ended(status: int, usage: struct_rusage) -> str:
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        memory = f"{usage.ru_maxrss // 1024:,} MB"
        hint = f" Perhaps the machine ran out of memory: it used up to {memory}." if name == "SIGKILL" else ""
        return f"The process that ran this job was killed ({name}).{hint}"
    return f"The process that ran this job ended by itself, with exit status {os.waitstatus_to_exitcode(status)}."
