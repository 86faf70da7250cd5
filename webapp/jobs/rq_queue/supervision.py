"""Supervision: the threads with which a worker supervises its work-horse.

The first thread keeps the lease alive, checks the running job and obeys stop requests; the database can
block it. The second one only watches the time, so that the work-horse is dead before its job can be
rescued, even if the database hangs. The third one sends RQ's heartbeat; Redis can block it.
"""

import threading
from collections.abc import Callable
from typing import Self

from webapp import os_process
from webapp.jobs.execution.watchdog import Watchdog

_HEARTBEAT_SECONDS = 5.0  # RQ forgets a worker after a minute and a half
_MIN_WAIT = 0.05


class HorseSupervisor:
    """Supervises a work-horse in a ``with`` block. At its end all threads have stopped, so the next fork is safe."""

    def __init__(
        self,
        watchdog: Watchdog,
        *,
        kill: Callable[[], None],
        obey_request: Callable[[], None],
        heartbeat: Callable[[], None],
    ) -> None:
        self._watchdog = watchdog
        self._kill_horse = kill
        self._obey_request = obey_request
        self._heartbeat = heartbeat
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        """Start the threads."""
        for name, work in {"beat": self._beat, "fence": self._fence, "heartbeat": self._show_heartbeat}.items():
            self._threads.append(os_process.start_thread(work, name))
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the threads; the work-horse is dead."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _beat(self) -> None:
        while not self._ended.wait(self._watchdog.interval_seconds):
            if self._watchdog.check():
                self._kill()
            else:
                self._obey_request()

    def _fence(self) -> None:
        while not self._ended.wait(max(self._watchdog.seconds_left, _MIN_WAIT)):
            if self._watchdog.lease_ran_out():
                self._kill()

    def _show_heartbeat(self) -> None:
        while not self._ended.wait(_HEARTBEAT_SECONDS):
            self._heartbeat()

    def _kill(self) -> None:
        if not self._ended.is_set():
            self._kill_horse()
