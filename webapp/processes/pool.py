"""The pool: the parent of several workers. It replaces a worker that dies, and settles what it held."""

import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable
from uuid import uuid4

from webapp.jobs.parent_death import die_with_parent

log = logging.getLogger(__name__)
_RESPAWN_SECONDS = 1.0


class Pool:
    """Forks ``count`` workers and keeps that many alive until it is asked to stop."""

    def __init__(
        self, count: int, *, work: Callable[[str], None], settle: Callable[[str], None], grace_seconds: float
    ) -> None:
        self._count = count
        self._work = work
        self._settle = settle
        self._grace = grace_seconds
        self._names: dict[int, str] = {}
        self._stopping = False

    def run(self) -> None:
        """Be the parent; return when every worker has ended after a stop."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        for _ in range(self._count):
            self._fork()
        while self._names:
            pid, status = os.wait()
            name = self._names.pop(pid, None)
            if name and (status or not self._stopping):
                self._settle_quietly(name, status)
            if name and not self._stopping:
                self._replace()

    def _fork(self) -> None:
        name, parent = uuid4().hex, os.getpid()
        pid = os.fork()
        if pid:
            self._names[pid] = name
            return
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        # graceful, so that a running job is handed back even if its pool was killed
        die_with_parent(parent, signal.SIGTERM)
        try:
            self._work(name)
        except BaseException:
            log.exception("A worker ended on an error.")
            os._exit(1)
        os._exit(0)

    def _settle_quietly(self, name: str, status: int) -> None:
        if status:
            log.warning("A worker ended unexpectedly (exit status %s).", os.waitstatus_to_exitcode(status))
        else:
            log.info("A worker ended as it was asked to, and another one takes its place.")
        try:
            self._settle(name)
        except Exception:
            log.exception("What the worker held could not be settled; the clock will do it.")

    def _replace(self) -> None:
        time.sleep(_RESPAWN_SECONDS)
        if not self._stopping:
            self._fork()

    def _stop(self, *_: object) -> None:
        self._stopping = True
        self._tell(signal.SIGTERM)
        signal.signal(signal.SIGALRM, lambda *_: self._tell(signal.SIGKILL))
        signal.setitimer(signal.ITIMER_REAL, self._grace + 10)

    def _tell(self, sig: signal.Signals) -> None:
        for pid in tuple(self._names):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sig)
