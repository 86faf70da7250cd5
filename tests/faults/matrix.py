"""Every fault point, with every way to break there: afterwards all is as if nothing had happened, only later."""

import os
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from time import time

import pytest
from sqlalchemy import select

from tests.faults.fault_job_types import CONTENT, MOST
from tests.faults.installation_under_fault import LEASE_SECONDS, QUEUE, House
from tests.jobs.row_invariants import broken, snapshot
from webapp.db.engine import reading
from webapp.jobs.model.job import Job, Status
from webapp.schema import attachments

ACTIONS = ("kill", "exit", "raise", "sleep")
SECONDS = {"worker.fork": LEASE_SECONDS + 0.5}  # its lease is not beaten yet, and taken away
CREATING = ("create.commit", "create.wake", "wake-up.push")
# How the first attempt goes that brings a process to the point
POINTS = {
    **dict.fromkeys(CREATING, "goes well"),
    **dict.fromkeys(("worker.woken", "worker.fork", "worker.forked"), "goes well"),
    **dict.fromkeys(("horse.begin", "claim.commit", "horse.claimed"), "goes well"),
    **dict.fromkeys(("report.commit", "report.committed"), "goes well"),
    **dict.fromkeys(("file.sync", "file.rename", "file.renamed", "file.row"), "goes well"),
    **dict.fromkeys(("end.commit", "end.wake", "horse.ended", "horse.baton"), "goes well"),
    **dict.fromkeys(("worker.settle", "settle.commit", "settle.wake", "worker.settled"), "dies"),
    "pool.replace": "kills its worker",
    "clock.promote": "fails",
    "clock.top-up": "goes well",
    "clock.reap": "freezes",
}
DELETING = "remove.files"


class Trial:
    """Three jobs: one that may run once, one that may run again, one that waits for the first."""

    def __init__(self, house: House, folder: Path, first: str) -> None:
        self.jobs, self.marks = house.services.jobs, folder / "marks"
        self.payload = {"marks": str(self.marks)}
        self.first = first

    def create(self, *, once_first: bool) -> None:
        for title in ("once", "again") if once_first else ("again", "once"):
            self._create(title, first=self.first if title == "again" else "goes well")
        self._create("follows", after=[self.found("once").id], on_finish=True)

    def found(self, title: str) -> Job:
        return self.all()[title]

    def all(self) -> dict[str, Job]:
        return {job.title: job for job in self.jobs.newest(10)}

    def over(self) -> bool:
        return all(job.is_finished for job in self.all().values())

    def runs(self, title: str) -> int:
        return self.marks.read_text().split().count(title) if self.marks.exists() else 0

    def _create(self, title: str, first: str = "goes well", **choices: object) -> None:
        if title not in self.all():
            kind = "once" if title == "once" else "again"
            self.jobs.create_job(
                kind, {**self.payload, "first": first}, title=title, queue=QUEUE, unique_key=title, **choices
            )


class Matrix:
    """A subclass says on which database."""

    database: str

    @pytest.fixture(autouse=True)
    def _cleared(self, house: House) -> Iterator[None]:
        yield
        house.clear()

    @pytest.mark.parametrize("action", ACTIONS)
    @pytest.mark.parametrize("point", POINTS)
    def test_a_fault_costs_nothing_but_time(self, house: House, tmp_path: Path, point: str, action: str) -> None:
        trial = Trial(house, tmp_path, POINTS[point])
        struck = house.strike(point, f"{action} {SECONDS.get(point, 0.1)}")
        begin(house, trial, point, once_first=action == "exit")
        house.wait_for(lambda: struck() and trial.over())
        _check_the_ends(trial)
        _check_what_is_left(house)

    @pytest.mark.parametrize("action", ACTIONS)
    def test_a_fault_between_a_row_and_its_file_is_swept(self, house: House, tmp_path: Path, action: str) -> None:
        trial = Trial(house, tmp_path, "goes well")
        trial.create(once_first=True)
        house.wait_for(trial.over)
        struck = house.strike(DELETING, f"{action} 0.1")
        os.waitpid(house.fork(lambda: house.services.jobs.delete(trial.found("again").id)), 0)
        assert struck()
        assert set(trial.all()) == {"once", "follows"}
        _check_what_is_left(house)


def begin(house: House, trial: Trial, point: str, *, once_first: bool) -> None:
    if point in CREATING:
        os.waitpid(house.fork(lambda: trial.create(once_first=once_first)), 0)
    with pytest.MonkeyPatch.context() as patch:
        if point == "clock.top-up":  # nobody else says that there is work
            patch.setattr(house.services.jobs, "_wake", lambda _queue: None)
        trial.create(once_first=once_first)


def _check_the_ends(trial: Trial) -> None:
    found = trial.all()
    assert (found["again"].status, found["follows"].status) == (Status.COMPLETED, Status.COMPLETED)
    assert trial.runs("again") <= found["again"].attempt <= MOST
    assert found["once"].attempt == 1
    if found["once"].status is Status.COMPLETED:
        assert trial.runs("once") == 1
    else:
        assert found["once"].status in {Status.FAILED, Status.STALE}
        assert trial.runs("once") <= 1
        assert found["once"].errors[-1]["text"].endswith(".")


def _check_what_is_left(house: House) -> None:
    services, redis = house.services, house.services.wake_ups.connection
    house.wait_for(lambda: not services.leases.beats())
    house.wait_for(lambda: not redis.llen(f"rq:queue:{QUEUE}"))
    assert all(-2 <= redis.ttl(key) <= 60 and redis.ttl(key) != -1 for key in redis.scan_iter("rq:job:*"))
    assert broken(snapshot(services.engine)) == []
    services.housekeeping.sweep_orphans(older_than=timedelta(minutes=-1))  # nobody writes any more
    with reading(services.engine) as connection:
        rows = {row.id: row.sha256 for row in connection.execute(select(attachments))}
    files = {file_id: path.read_bytes() for file_id, path in services.files.files(timedelta(days=-1), time())}
    assert rows == {file_id: sha256(content).hexdigest() for file_id, content in files.items()}
    assert set(files.values()) <= {CONTENT}
