"""The creator: makes jobs of every kind, also while the database or Redis is away."""

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
    """Makes one job after the other; `made` are those whose creation was confirmed."""

    def __init__(self, services: Services, pages: Pages, timetable: Timetable, dice: random.Random) -> None:
        self._jobs, self._runner = services.jobs, services.schedule_runner
        self._timetable = timetable
        self._pages = pages
        self._dice = dice
        self.made: dict[UUID, str] = {}
        self.refused: Counter[str] = Counter()  # what became of these is not known, or nothing did

    def create(self, count: int) -> Iterator[UUID]:
        """Make ``count`` jobs, each in its own time; what the database refuses is tried again as another one."""
        while len(self.made) < count:
            kind = self._dice.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
            try:
                job_id = self._make(kind)
            except DBAPIError:
                self.refused["the database was away"] += 1
                continue
            except PagesAway:
                self.refused["the pages were away"] += 1
                continue
            except DuplicateJob:
                self.refused["its key was taken"] += 1
                continue
            self.made.setdefault(job_id, kind)
            yield job_id

    def _make(self, kind: str) -> UUID:
        if kind == "pages":
            return self._pages.start("chaos_instant")
        if kind == "unique":
            return self._jobs.create_job("chaos_limited", {}, unique_key=self._dice.choice(_KEYS)).id
        if kind == "delayed":
            pause = timedelta(seconds=self._dice.uniform(0.2, 4))
            return self._jobs.create_job("chaos_instant", {}, delay=pause).id
        if kind == "dependent":
            return self._follow()
        if kind == "scheduled":
            return self._runner.run_now(self._timetable.add("chaos_instant")).id
        return self._jobs.create_job(kind, _PAYLOADS.get(kind, {})).id

    def _follow(self) -> UUID:
        first = self._dice.sample(sorted(self.made), min(2, len(self.made)))
        in_vain = any(self.made[one] in {"chaos_hopeless", "in vain"} for one in first)
        anyhow = self._dice.random() < 0.5
        ends = "cancelled" if in_vain and not anyhow else "completed"
        job_id = self._jobs.create_job("chaos_instant", {"ends": ends}, after=first, on_finish=anyhow).id
        if ends == "cancelled":
            self.made[job_id] = "in vain"  # as is what follows it
        return job_id
