"""Walking: through huge work in slices of one job, resumed at the item after a crash.

After each slice the checkpoint is written. When the memory or the time that is left might not
do for one more item, the job is handed back and goes on in a fresh work-horse; nobody sees more
than one job, whose progress is that of the whole.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from webapp.jobs.batches import SliceLimit, slices

T = TypeVar("T")
DONE = "items_done"


class SliceEnded(BaseException):
    """The work-horse has done its part: the job is handed back and goes on from its checkpoint.

    A `BaseException`, so that ``except Exception`` in a handler cannot swallow it.
    """


class Walker(Protocol):
    """What a walk needs of the job's context."""

    state: dict[str, object]

    def save_state(self) -> None:
        """Write the checkpoint."""

    def progress(self, *, done: float, total: float | None) -> None:
        """Say how far it is; raises when the job was asked to stop."""


def walk(
    job: Walker, fetch: Callable[[int, int], Sequence[T]], total: int, *, size: int, limit: SliceLimit
) -> Iterator[T]:
    """Go through the items from the checkpoint on; ``fetch(start, count)`` returns that part of them in order.

    An item counts as done when the next one is asked for. An item whose handling was cut short
    is handed out once more, so handling one must be repeatable.
    """
    done = int(str(job.state.get(DONE, 0)))
    for part in slices(total, start=done, size=size):
        for item in fetch(part.start, part.stop - part.start):
            yield item
            done += 1
            job.state[DONE] = done
            job.progress(done=done, total=total)
            if limit.item_done() and done < total:
                job.save_state()
                raise SliceEnded
        job.save_state()
