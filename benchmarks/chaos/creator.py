"""Creates jobs of every kind, even while the database or Redis is unavailable."""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from benchmarks.chaos.pages import Pages, PagesAway
from benchmarks.chaos.timetable import Timetable
from webapp.jobs.store.unique_keys import DuplicateJob
from webapp.services import Services

_WEIGHTS = {
    "chaos_instant": 40,
    "chaos_paced": 12,
    "chaos_files": 12,
    "chaos_root": 5,
    "chaos_flaky": 8,
    "chaos_hopeless": 5,
    "chaos_limited": 8,
    "unique": 4,
    "delayed": 6,
    "dependent": 6,
    "pages": 4,
    "scheduled": 3,
}
_KEYS = tuple(f"key {number}" for number in range(3))
_PAYLOADS: dict[str, dict[str, Any]] = {"chaos_hopeless": {"ends": "failed"}}


class Creator:
    """Creates one job after another; `created` are the jobs whose creation was confirmed."""

    def __init__(self, services: Services, pages: Pages, timetable: Timetable, rng: random.Random) -> None:
        self._jobs, self._runner = services.jobs, services.schedule_runner
        self._timetable = timetable
        self._pages = pages
        self._rng = rng
        self.created: dict[UUID, str] = {}
        self.refused: Counter[str] = Counter()  # unknown whether these were created

    def create(self, count: int) -> Iterator[UUID]:
        """Create ``count`` jobs, one per step; a failed creation is replaced by another job."""
        while len(self.created) < count:
            kind = self._rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
            try:
                job_id = self._create(kind)
            except DBAPIError:
                self.refused["database unavailable"] += 1
                continue
            except PagesAway:
                self.refused["pages unavailable"] += 1
                continue
            except DuplicateJob:
                self.refused["unique key taken"] += 1
                continue
            self.created.setdefault(job_id, kind)
            yield job_id

    def _create(self, kind: str) -> UUID:
        if kind == "pages":
            return self._pages.start("chaos_instant")
        if kind == "unique":
            return self._jobs.create_job("chaos_limited", {}, unique_key=self._rng.choice(_KEYS)).id
        if kind == "delayed":
            pause = timedelta(seconds=self._rng.uniform(0.2, 4))
            return self._jobs.create_job("chaos_instant", {}, delay=pause).id
        if kind == "dependent":
            return self._create_dependent()
        if kind == "scheduled":
            return self._runner.run_now(self._timetable.add("chaos_instant")).id
        return self._jobs.create_job(kind, _PAYLOADS.get(kind, {})).id

    def _create_dependent(self) -> UUID:
        first = self._rng.sample(sorted(self.created), min(2, len(self.created)))
        never_starts = any(self.created[job_id] in {"chaos_hopeless", "never starts"} for job_id in first)
        on_finish = self._rng.random() < 0.5
        ends = "cancelled" if never_starts and not on_finish else "completed"
        job_id = self._jobs.create_job("chaos_instant", {"ends": ends}, after=first, on_finish=on_finish).id
        if ends == "cancelled":
            self.created[job_id] = "never starts"  # and so are its own dependents
        return job_id
