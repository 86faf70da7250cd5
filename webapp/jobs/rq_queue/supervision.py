"""The guard: what a worker does while its horse works, each thing in a thread of its own.

One beats the lease, looks at what runs and obeys what is asked of the worker, and may have to wait
for the database; one only knows
the time, so that the horse is dead before anybody may take over, whatever the database does; one
shows in Redis that the worker lives, and may have to wait for Redis.
"""

import threading
from collections.abc import Callable
from typing import Self

from webapp import os_process
from webapp.jobs.execution.watchdog import Watchdog

_SHOWN_EVERY = 5.0  # seconds; RQ forgets a worker after a minute and a half
_LEAST_PAUSE = 0.05


class HorseSupervisor:
    """Guards a horse in a ``with`` block; at its end no thread is left, as the next horse is forked without any."""

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
        """Begin."""
        for name, work in {"beat": self._beat, "fence": self._fence, "heartbeat": self._show_heartbeat}.items():
            self._threads.append(os_process.start_thread(work, name))
        return self

    def __exit__(self, *_: object) -> None:
        """End: the horse is dead."""
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
        while not self._ended.wait(max(self._watchdog.seconds_left, _LEAST_PAUSE)):
            if self._watchdog.lease_ran_out():
                self._kill()

    def _show_heartbeat(self) -> None:
        while not self._ended.wait(_SHOWN_EVERY):
            self._heartbeat()

    def _kill(self) -> None:
        if not self._ended.is_set():
            self._kill_horse()
