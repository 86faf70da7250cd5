"""The pool: the parent process of several workers. It replaces workers that die and settles their jobs."""

import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable
from typing import NoReturn
from uuid import uuid4

from webapp.fault_injection import faultpoint
from webapp.jobs.execution.isolation.child_processes import children, end_children
from webapp.os_process import adopt_orphans, die_with_parent

log = logging.getLogger(__name__)
_MIN_AGE_SECONDS = 1.0  # a worker that dies sooner is replaced after a pause


class _Worker:
    def __init__(self) -> None:
        self.name = uuid4().hex
        self._started_at = time.monotonic()

    @property
    def age(self) -> float:
        return time.monotonic() - self._started_at


class Pool:
    """Forks ``count`` workers and keeps that many running until it is asked to stop."""

    def __init__(
        self, count: int, *, work: Callable[[str], None], settle: Callable[[str], None], grace_seconds: float
    ) -> None:
        self._count = count
        self._work = work
        self._settle = settle
        self._grace = grace_seconds
        self._workers: dict[int, _Worker] = {}
        self._stopping = False

    def run(self) -> None:
        """Run until a stop is requested and every worker has ended."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        adopt_orphans()
        others = children()
        for _ in range(self._count):
            self._fork()
        while self._workers:
            pid, status = os.wait()
            dead = self._workers.pop(pid, None)
            if dead is None:
                continue
            end_children({*others, *self._workers})  # of the worker, which are this process's now
            if not self._stopping:
                faultpoint("pool.replace")
                self._fork(pause=_MIN_AGE_SECONDS if dead.age < _MIN_AGE_SECONDS else 0.0)
            if status or not self._stopping:
                self._settle_quietly(dead.name, status)

    def _fork(self, pause: float = 0.0) -> None:
        worker, parent = _Worker(), os.getpid()
        # a stop signal is handled before the fork or after the worker is recorded, so it reaches every worker
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
        pid = os.fork()
        if pid:
            self._workers[pid] = worker
        else:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if pid == 0:
            self._run_worker(worker, parent, pause)

    def _run_worker(self, worker: _Worker, parent: int, pause: float) -> NoReturn:
        # SIGTERM, so that the running job is handed back even if the pool is killed
        die_with_parent(parent, signal.SIGTERM)
        time.sleep(pause)  # here and not in the pool, which must notice other dead workers
        try:
            self._work(worker.name)
        except BaseException:
            log.exception("A worker failed.")
            os._exit(1)
        os._exit(0)

    def _settle_quietly(self, name: str, status: int) -> None:
        if status:
            log.warning("A worker ended unexpectedly (exit status %s).", os.waitstatus_to_exitcode(status))
        else:
            log.info("A worker stopped as requested. The pool starts a new one.")
        try:
            self._settle(name)
        except Exception:
            log.exception("The jobs of the worker could not be settled. The clock will do it.")

    def _stop(self, *_: object) -> None:
        self._stopping = True
        self._signal_all(signal.SIGTERM)
        signal.signal(signal.SIGALRM, lambda *_: self._signal_all(signal.SIGKILL))
        signal.setitimer(signal.ITIMER_REAL, self._grace + 10)

    def _signal_all(self, sig: signal.Signals) -> None:
        for pid in tuple(self._workers):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sig)
