"""The checkpoint of a bulk action, the CSV files that list its jobs, and the warnings at its end."""

import csv
from collections import Counter
from io import StringIO
from typing import Any, Self
from uuid import UUID

from webapp.jobs import Job, JobContext
from webapp.jobs.lifecycle.bulk_actions import SortedJobs
from webapp.jobs.model.job_policy import Objection
from webapp.jobs.queries.criteria import JobCriteria

LINES = 5000  # per file; up to as many jobs are checked again after a crash
COLUMNS = ("id", "type", "name", "result", "reason")
_NO_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a cell that starts so would be run as a formula


class BulkCheckpoint:
    """Counts and lists the handled jobs, and saves the position."""

    def __init__(self, job: JobContext, state: dict[str, Any]) -> None:
        self._job = job
        self._done: int = state.get("done", 0)
        self._skipped = Counter[str](state.get("left", {}))
        self._files: int = state.get("files", 0)
        self._last = UUID(state["last"]) if "last" in state else None
        self._lines: list[tuple[str, ...]] = []

    @classmethod
    def of(cls, job: JobContext) -> Self:
        """Continue from the checkpoint of the job."""
        return cls(job, job.state)

    @property
    def handled(self) -> int:
        """How many jobs were acted on or skipped."""
        return self._done + self._skipped.total()

    def remaining(self, criteria: JobCriteria) -> JobCriteria:
        """Return the criteria of the jobs that are left to do."""
        return criteria.older_than(self._last) if self._last else criteria

    def add(self, batch: SortedJobs, last: UUID) -> None:
        """Count and list a batch; ``last`` is the ID of its last job."""
        self._done += len(batch.fit)
        self._skipped.update({reason.value: count for reason, count in batch.reasons.items()})
        self._lines += [_line(job, "done", "") for job in batch.fit]
        self._lines += [_line(job, "skipped", reason.value) for job, reason in batch.unfit]
        self._last = last
        if len(self._lines) >= LINES:
            self._files += 1
            self._write(f"jobs-{self._files}.csv")
            self._save()

    def close(self) -> None:
        """Write the last file, the warnings and the message."""
        if self._lines:
            self._write(f"jobs-{self._files + 1}.csv" if self._files else "jobs.csv")
        for reason, count in self._skipped.most_common():
            if reason == Objection.STOPPING:  # what was wanted; the request that started this job asked some already
                continue
            self._job.warn(f"{count:,} skipped: {reason}", "bulk_left_alone", count=count, reason=reason)
        self._job.message(f"{self._done:,} done, {self._skipped.total():,} skipped")

    def _save(self) -> None:
        state = {"done": self._done, "left": dict(self._skipped), "files": self._files, "last": str(self._last)}
        self._job.save_state(state)

    def _write(self, name: str) -> None:
        text = StringIO(newline="")
        csv.writer(text).writerows([COLUMNS, *self._lines])
        self._job.attach(name, text.getvalue().encode(), "text/csv")
        self._lines = []


def _line(job: Job, result: str, reason: str) -> tuple[str, ...]:
    name = f"'{job.title}" if job.title.startswith(_NO_FORMULA) else job.title
    return str(job.id), job.type, name, result, reason
