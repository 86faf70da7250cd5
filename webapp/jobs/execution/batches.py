"""Batches: long work in slices of one job, which resumes at its checkpoint after a crash.

`iterate_batches` writes the checkpoint after every slice. If the remaining memory or time may not be
enough for one more item, the job is handed back and continues in a fresh work-horse; users see a single
job with the progress of the whole. The rule is Craft CMS's: a slice ends when one more item, at the
average so far, may not fit. `plan_chunks` splits work into chunks for children instead.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from time import monotonic
from typing import Protocol, TypeVar

from webapp.jobs.execution.isolation.peak_memory import peak_memory

T = TypeVar("T")
SIZE = 100
ITEMS_DONE = "items_done"  # the key of the checkpoint
_MEMORY_FACTOR = 15  # a slice ends unless this many times the average growth per item still fits
_TIME_FACTOR = 2  # a slice ends unless this many times the average duration per item still fits
LEAST, MOST = 400, 3000  # items per chunk
WORKERS = 6


class SliceEnded(BaseException):
    """Raised when a slice ends early: the job is handed back and continues from its checkpoint.

    A `BaseException`, so that ``except Exception`` in a handler cannot swallow it.
    """


class BatchContext(Protocol):
    """The part of the job context that `iterate_batches` needs."""

    state: dict[str, object]

    def save_state(self) -> None:
        """Write the checkpoint."""

    def progress(self, *, done: float, total: float | None) -> None:
        """Report progress; raises when the job was asked to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Items ``start`` to ``stop`` (excluded) of the whole."""

    start: int
    stop: int


class SliceLimit:
    """Decides when a slice must end early. Memory in bytes, time in seconds; None = no limit.

    ``started`` is when the time limit began to run, so that what a handler did before its first item counts too.
    """

    def __init__(
        self,
        *,
        memory: int | None = None,
        seconds: float | None = None,
        started: float | None = None,
        used_memory: Callable[[], int] | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._memory, self._seconds = memory, seconds
        self._used_memory, self._clock = used_memory or peak_memory, clock
        self._began, self._memory_at_start = clock(), self._used_memory()
        self._started = self._began if started is None else started
        self._items = 0

    def item_done(self) -> bool:
        """Count one more item; return whether the next one may not fit any more."""
        self._items += 1
        return self._exceeds_memory() or self._exceeds_time()

    def _exceeds_memory(self) -> bool:
        if self._memory is None:
            return False
        used = self._used_memory()
        return used + _MEMORY_FACTOR * max(0, used - self._memory_at_start) / self._items > self._memory

    def _exceeds_time(self) -> bool:
        if self._seconds is None:
            return False
        at = self._clock()
        return at - self._started + _TIME_FACTOR * (at - self._began) / self._items > self._seconds


def iterate_batches(
    job: BatchContext, fetch: Callable[[int, int], Sequence[T]], total: int, *, size: int, limit: SliceLimit
) -> Iterator[T]:
    """Iterate over the items from the checkpoint on; ``fetch(start, count)`` returns a range of them in order.

    An item counts as done when the next one is requested. If processing is interrupted, the current
    item is yielded again, so processing an item must be idempotent.
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


def slices(total: int, *, start: int = 0, size: int = SIZE) -> Iterator[Slice]:
    """Split ``total`` items, from ``start`` on, into slices of at most ``size``."""
    if size < 1:
        message = f"A slice must hold at least 1 item, not {size}."
        raise ValueError(message)
    for first in range(start, total, size):
        yield Slice(start=first, stop=min(first + size, total))


def plan_chunks(total: int, *, workers: int = WORKERS, least: int = LEAST, most: int = MOST) -> tuple[Slice, ...]:
    """Split ``total`` items into chunks for ``workers``. Only the last chunk can be smaller than ``least``.

    Up to ``least`` items per worker: chunks of ``least``. Up to ``most`` items per worker: one chunk per
    worker. Beyond that: chunks of ``most``. (The formula is AtroCore's.)
    """
    if total <= least * workers:
        size = least
    elif total <= most * workers:
        size = ceil(total / workers)
    else:
        size = most
    return tuple(slices(total, size=size))
