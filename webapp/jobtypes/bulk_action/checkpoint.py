"""What a bulk action has done so far: the checkpoint, the files that list it, and the warnings at its end."""

import csv
from collections import Counter
from io import StringIO
from typing import Any, Self
from uuid import UUID

from webapp.jobs import Job, JobContext
from webapp.jobs.lifecycle.bulk_actions import SortedJobs
from webapp.jobs.queries.criteria import JobCriteria

LINES = 5000  # in one file; as many jobs may be gone through once more after a crash
COLUMNS = ("id", "type", "name", "result", "reason")
_NO_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run, if a name began so


class BulkCheckpoint:
    """Counts, lists, and remembers how far it came."""

    def __init__(self, job: JobContext, state: dict[str, Any]) -> None:
        self._job = job
        self._done: int = state.get("done", 0)
        self._left = Counter[str](state.get("left", {}))
        self._files: int = state.get("files", 0)
        self._last = UUID(state["last"]) if "last" in state else None
        self._lines: list[tuple[str, ...]] = []

    @classmethod
    def of(cls, job: JobContext) -> Self:
        """Go on from the job's checkpoint."""
        return cls(job, job.state)

    @property
    def handled(self) -> int:
        """How many jobs were looked at."""
        return self._done + self._left.total()

    def rest_of(self, chosen: JobCriteria) -> JobCriteria:
        """Return what is left to do of what was chosen."""
        return chosen.older_than(self._last) if self._last else chosen

    def add(self, judged: SortedJobs, last: UUID) -> None:
        """Count a part that was acted on, and write it down."""
        self._done += len(judged.fit)
        self._left.update({reason.value: count for reason, count in judged.reasons.items()})
        self._lines += [_line(job, "done", "") for job in judged.fit]
        self._lines += [_line(job, "skipped", reason.value) for job, reason in judged.unfit]
        self._last = last
        if len(self._lines) >= LINES:
            self._files += 1
            self._write(f"jobs-{self._files}.csv")
            self._save()

    def close(self) -> None:
        """List the rest, and say what was done and what was not."""
        if self._lines:
            self._write(f"jobs-{self._files + 1}.csv" if self._files else "jobs.csv")
        for reason, count in self._left.most_common():
            self._job.warn(f"{count:,} skipped: {reason}", "bulk_left_alone", count=count, reason=reason)
        self._job.message(f"{self._done:,} done, {self._left.total():,} skipped")

    def _save(self) -> None:
        state = {"done": self._done, "left": dict(self._left), "files": self._files, "last": str(self._last)}
        self._job.save_state(state)

    def _write(self, name: str) -> None:
        text = StringIO(newline="")
        csv.writer(text).writerows([COLUMNS, *self._lines])
        self._job.attach(name, text.getvalue().encode(), "text/csv")
        self._lines = []


def _line(job: Job, result: str, reason: str) -> tuple[str, ...]:
    name = f"'{job.title}" if job.title.startswith(_NO_FORMULA) else job.title
    return str(job.id), job.type, name, result, reason
