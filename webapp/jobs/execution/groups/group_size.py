"""How many short jobs a work-horse claims at once: by the time that the last jobs of a type took.

A group saves most of the database's work for jobs of a few milliseconds, and nothing for others. It is worth few
milliseconds, because its jobs are kept from other workers, and from jobs of higher priority that arrive meanwhile.
"""

from webapp.jobs.queueing.next_claim import Group

WORTH_SECONDS = 0.025  # of work in a group
MOST_SECONDS = 0.1  # after which no further job of a group begins, because one took longer than the last ones
SIZES = (10, 4, 2)  # few, since each needs a statement of its own
_FEWEST_RUNS = 3
_MEMORY = 8  # how many runs the average mostly depends on


class RunTimes:
    """The average time of the last runs of each job type in this process."""

    def __init__(self) -> None:
        self._averages: dict[str, tuple[int, float]] = {}  # number of runs, seconds

    def add(self, type_name: str, seconds: float) -> None:
        """Count a run."""
        count, average = self._averages.get(type_name, (0, 0.0))
        self._averages[type_name] = count + 1, average + (seconds - average) / min(count + 1, _MEMORY)

    def group_after(self, type_name: str, most: int) -> Group | None:
        """Return how the next claim groups jobs of the type that just ran; ``None`` if it claims one job."""
        count, average = self._averages[type_name]
        if count < _FEWEST_RUNS:
            return None
        fitting = (size for size in SIZES if size <= most and size * average <= WORTH_SECONDS)
        size = next(fitting, 1)
        return Group(size, type_name) if size > 1 else None
