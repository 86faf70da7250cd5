"""Huge work in slices of one job: `batches` walks it and stops a slice early, `plan_chunks` splits it.

The rules for stopping early are Craft's: a slice ends when one more item, at the average so
far, might not fit into the memory or the time that is left.

Walking: through huge work in slices of one job, resumed at the item after a crash.

After each slice the checkpoint is written. When the memory or the time that is left might not
do for one more item, the job is handed back and goes on in a fresh work-horse; nobody sees more
than one job, whose progress is that of the whole.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from resource import RUSAGE_SELF, getrusage
from time import monotonic
from typing import Protocol, TypeVar

SIZE = 100
_MEMORY_FACTOR = 15  # average growths per item that must still fit
_TIME_FACTOR = 2  # average durations per item that must still fit
LEAST, MOST = 400, 3000  # items per chunk
WORKERS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Items ``start`` to ``stop`` (excluded) of the whole."""

    start: int
    stop: int


class SliceLimit:
    """Tells when a slice must end before its last item. Memory in bytes, time in seconds; None = no limit."""

    def __init__(
        self,
        *,
        memory: int | None = None,
        seconds: float | None = None,
        used_memory: Callable[[], int] | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._memory, self._seconds = memory, seconds
        self._used_memory, self._clock = used_memory or peak_memory, clock
        self._began, self._had = clock(), self._used_memory()
        self._items = 0

    def item_done(self) -> bool:
        """Count one more item; True if the next one might not fit any more."""
        self._items += 1
        return self._too_much() or self._too_long()

    def _too_much(self) -> bool:
        if self._memory is None:
            return False
        used = self._used_memory()
        return used + _MEMORY_FACTOR * max(0, used - self._had) / self._items > self._memory

    def _too_long(self) -> bool:
        if self._seconds is None:
            return False
        elapsed = self._clock() - self._began
        return elapsed + _TIME_FACTOR * elapsed / self._items > self._seconds


def slices(total: int, *, start: int = 0, size: int = SIZE) -> Iterator[Slice]:
    """Split ``total`` items, from ``start`` on, into slices of at most ``size``."""
    if size < 1:
        message = f"A slice holds at least 1 item, not {size}."
        raise ValueError(message)
    for first in range(start, total, size):
        yield Slice(start=first, stop=min(first + size, total))


def plan_chunks(total: int, *, workers: int = WORKERS, least: int = LEAST, most: int = MOST) -> tuple[Slice, ...]:
    """Split ``total`` items into chunks for ``workers``: none smaller than ``least`` unless it must be.

    Up to ``least`` items a worker: chunks of ``least``; up to ``most``: one chunk a worker;
    beyond: chunks of ``most``. (AtroCore's formula, as its code has it.)
    """
    if total <= least * workers:
        size = least
    elif total <= most * workers:
        size = ceil(total / workers)
    else:
        size = most
    return tuple(slices(total, size=size))


def peak_memory() -> int:
    """Return the largest memory that this process has used, in bytes."""
    return getrusage(RUSAGE_SELF).ru_maxrss * 1024


T = TypeVar("T")
ITEMS_DONE = "items_done"


class SliceEnded(BaseException):
    """The work-horse has done its part: the job is handed back and goes on from its checkpoint.

    A `BaseException`, so that ``except Exception`` in a handler cannot swallow it.
    """


class BatchContext(Protocol):
    """What a walk needs of the job's context."""

    state: dict[str, object]

    def save_state(self) -> None:
        """Write the checkpoint."""

    def progress(self, *, done: float, total: float | None) -> None:
        """Say how far it is; raises when the job was asked to stop."""


def iterate_batches(
    job: BatchContext, fetch: Callable[[int, int], Sequence[T]], total: int, *, size: int, limit: SliceLimit
) -> Iterator[T]:
    """Go through the items from the checkpoint on; ``fetch(start, count)`` returns that part of them in order.

    An item counts as done when the next one is asked for. An item whose handling was cut short
    is handed out once more, so handling one must be repeatable.
    """
    done = int(str(job.state.get(ITEMS_DONE, 0)))
    for part in slices(total, start=done, size=size):
        for item in fetch(part.start, part.stop - part.start):
            yield item
            done += 1
            job.state[ITEMS_DONE] = done
            job.progress(done=done, total=total)
            if limit.item_done() and done < total:
                job.save_state()
                raise SliceEnded
        job.save_state()
