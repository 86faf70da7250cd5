"""Isolation of the jobs that run one after the other in a work-horse.

Comparing everything takes about as long as a tenth of the shortest job. So it is done when that costs
little or is needed: after a job that took a while or raised, when a quick look finds a difference, at
least every 64th job, and always before a job of another type or owner.
"""

from collections.abc import Hashable
from time import monotonic
from typing import Self

from webapp.jobs.execution.isolation.leftovers import Leftovers
from webapp.jobs.execution.isolation.process_state import ProcessState
from webapp.jobs.execution.isolation.quick_look import QuickLook
from webapp.jobs.execution.reporter import JobInterrupted

_LONG_SECONDS = 0.01
_MAX_QUICK_LOOKS = 64


class JobIsolation:
    """Build it in the work-horse and enter it around each handler: ``with isolation.around(key):``.

    At its exit, what the handler changed is put back before anything else happens: a blocked alarm or a
    deleted folder must not disturb how the attempt is written. `leftovers` names what remains.
    """

    def __init__(self, most_memory: int) -> None:
        self._state = ProcessState()
        self._quick_look = QuickLook()
        self._leftovers = Leftovers(most_memory)
        self._remaining: list[str] = []
        self._key: Hashable = None
        self._quick_looks = 0  # since everything was compared
        self._started = 0.0

    def around(self, key: Hashable) -> Self:
        """Prepare for a job; jobs with equal keys are of the same type and owner."""
        if self._quick_looks and key != self._key:
            self._put_back()
        self._key = key
        return self

    def __enter__(self) -> Self:
        """Start a job; raises `JobInterrupted` if it cannot have the state that it expects."""
        if self._remaining:
            raise JobInterrupted
        self._leftovers.start_job()
        self._started = monotonic()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the processes that the handler left, and put back the state."""
        if self._leftovers.end_processes():
            self._remaining.append("processes")
        if self._must_compare_everything() or kind is not None:
            self._put_back()
        else:
            self._quick_looks += 1

    def leftovers(self) -> tuple[str, ...]:
        """Return what a job left behind that could affect the next one. Call it when nothing is reported any more."""
        return (*self._remaining, *self._leftovers.find())

    def _must_compare_everything(self) -> bool:
        took_long = monotonic() - self._started >= _LONG_SECONDS
        return took_long or self._quick_looks >= _MAX_QUICK_LOOKS or self._quick_look.finds_change()

    def _put_back(self) -> None:
        self._remaining += self._state.put_back()
        self._quick_looks = 0
