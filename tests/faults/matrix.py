"""The matrix of fault points and actions: after each fault, every job finishes as if nothing had happened."""

import os
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from time import time

import pytest
from _pytest.mark.structures import ParameterSet
from sqlalchemy import func, select

from tests.exhaustive import every_pair, exhaustive
from tests.faults.fault_job_types import CONTENT, COUNTED, FLOW, MAX_ATTEMPTS
from tests.faults.installation_under_fault import LEASE_SECONDS, QUEUE, FaultyInstallation
from tests.jobs.row_invariants import broken, snapshot
from tests.stored_files import stored_path
from webapp.db.engine import reading
from webapp.jobs.model.job import Job, Status
from webapp.schema import attachments, flows, log_lines

ACTIONS = ("kill", "exit", "raise", "sleep")
SLEEP_SECONDS = {"worker.order": LEASE_SECONDS + 0.5}  # no heartbeat yet, so the lease expires
CREATING = ("create.commit", "create.wake", "wake-up.push")
# How the first attempt must go so that a process reaches the point
POINTS = {
    **dict.fromkeys(CREATING, "goes well"),
    **dict.fromkeys(("worker.woken", "worker.order", "worker.ordered"), "goes well"),
    **dict.fromkeys(("horse.begin", "claim.commit", "horse.claimed", "horse.begun"), "goes well"),
    **dict.fromkeys(("horse.lingers", "horse.woken", "horse.ready"), "goes well"),
    **dict.fromkeys(("report.commit", "report.committed"), "goes well"),
    **dict.fromkeys(("step.commit", "step.committed"), "goes well"),
    **dict.fromkeys(("flow.commit", "flow.wake"), "goes well"),
    **dict.fromkeys(("file.sync", "file.rename", "file.renamed", "file.row"), "goes well"),
    **dict.fromkeys(("end.commit", "end.wake", "horse.ended", "horse.baton"), "goes well"),
    **dict.fromkeys(("worker.fork", "worker.settle", "settle.commit", "settle.wake", "worker.settled"), "dies"),
    **dict.fromkeys(("question.commit", "answer-expire.commit"), "asks"),
    "pool.replace": "kills its worker",
    "clock.promote": "fails",
    "clock.top-up": "goes well",
    "clock.reap": "freezes",
}
DELETING = "remove.files"
DATABASES = ("sqlite", "postgresql")


def matrix(database: str) -> list[ParameterSet]:
    """Return every point with every action; by default each point breaks once, the databases and actions in turn."""
    own = [point for number, point in enumerate(POINTS) if DATABASES[number % len(DATABASES)] == database]
    others = [
        exhaustive(point, action, id=f"{point}-{action}") for point in POINTS if point not in own for action in ACTIONS
    ]
    return [*every_pair(own, ACTIONS), *others]


class Trial:
    """Three jobs: one runs at most once, one can run again, one waits for the first."""

    def __init__(self, installation: FaultyInstallation, folder: Path, first: str) -> None:
        self.jobs, self.marks = installation.services.jobs, folder / "marks"
        self.all_jobs = installation.services.queries.all_jobs
        self.payload = {"marks": str(self.marks)}
        self.first = first

    def create(self, *, once_first: bool) -> None:
        for title in ("once", "again") if once_first else ("again", "once"):
            self._create(title, first=self.first if title == "again" else "goes well")
        self._create("follows", after=[self.job("once").id], on_finish=True)

    def create_another(self) -> None:
        """Create a job that is none of the three."""
        self.jobs.create_job("again", {"marks": f"{self.marks}.of another"}, title=f"{FLOW}, another", queue=QUEUE)

    def job(self, title: str) -> Job:
        return self.all()[title]

    def all(self) -> dict[str, Job]:
        return {job.title: job for job in self.all_jobs.newest(100) if not job.title.startswith(FLOW)}

    def is_over(self) -> bool:
        return all(job.is_finished for job in self.all_jobs.newest(100))

    def runs(self, title: str) -> int:
        return self.marks.read_text().split().count(title) if self.marks.exists() else 0

    def _create(self, title: str, first: str = "goes well", **choices: object) -> None:
        if title not in self.all():
            job_type = "once" if title == "once" else "again"
            payload = {**self.payload, "first": first, "starts_flow": True}
            self.jobs.create_job(job_type, payload, title=title, queue=QUEUE, unique_key=title, **choices)


class Matrix:
    """The tests of the matrix; a subclass names its database."""

    database: str

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "point" in metafunc.fixturenames:
            metafunc.parametrize(("point", "action"), matrix(self.database))

    @pytest.fixture(autouse=True)
    def _cleared(self, installation: FaultyInstallation) -> Iterator[None]:
        yield
        installation.clear()

    def test_every_job_finishes_after_a_fault(
        self, installation: FaultyInstallation, tmp_path: Path, point: str, action: str
    ) -> None:
        trial = Trial(installation, tmp_path, POINTS[point])
        has_struck = installation.arm_fault(point, f"{action} {SLEEP_SECONDS.get(point, 0.1)}")
        begin(installation, trial, point, once_first=action == "exit")

        def is_over() -> bool:
            if trial.is_over() and point == "horse.woken" and not has_struck():
                trial.create_another()  # the last wake-up came when the work-horse had ended
            return has_struck() and trial.is_over()

        installation.wait_for(is_over)
        _check_the_jobs(trial)
        _check_the_steps(installation, trial, lost_attempts=int(point == "step.committed"))
        _check_the_flows(installation, trial)
        _check_the_questions(installation, trial)
        _check_the_rest(installation)

    @pytest.mark.parametrize("action", ACTIONS)
    def test_files_of_a_deleted_job_are_swept_after_a_fault(
        self, installation: FaultyInstallation, tmp_path: Path, action: str
    ) -> None:
        trial = Trial(installation, tmp_path, "goes well")
        trial.create(once_first=True)
        installation.wait_for(trial.is_over)
        has_struck = installation.arm_fault(DELETING, f"{action} 0.1")
        os.waitpid(installation.fork(lambda: installation.services.jobs.delete(trial.job("again").id)), 0)
        assert has_struck()
        assert set(trial.all()) == {"once", "follows"}
        _check_the_rest(installation)


def begin(installation: FaultyInstallation, trial: Trial, point: str, *, once_first: bool) -> None:
    if point in CREATING:
        os.waitpid(installation.fork(lambda: trial.create(once_first=once_first)), 0)
    with pytest.MonkeyPatch.context() as patch:
        if point == "clock.top-up":  # no other process wakes the worker
            patch.setattr(installation.services.jobs, "_wake", lambda _queue: None)
        if point == "end.wake":  # a job wakes others only if they exist when it ends
            installation.services.queues.pause(QUEUE)
        trial.create(once_first=once_first)
        installation.services.queues.resume(QUEUE)


def _check_the_jobs(trial: Trial) -> None:
    jobs = trial.all()
    assert (jobs["again"].status, jobs["follows"].status) == (Status.COMPLETED, Status.COMPLETED)
    assert trial.runs("again") <= jobs["again"].attempt <= MAX_ATTEMPTS
    assert jobs["once"].attempt == 1
    if jobs["once"].status is Status.COMPLETED:
        assert trial.runs("once") == 1
    else:
        assert jobs["once"].status in {Status.FAILED, Status.STALE}
        assert trial.runs("once") <= 1
        assert jobs["once"].errors[-1]["text"].endswith(".")


def _check_the_steps(installation: FaultyInstallation, trial: Trial, lost_attempts: int) -> None:
    """No step runs again after its commit, and what one writes in its transaction is there once."""
    noted = Path(f"{trial.marks}.steps").read_text().split()
    assert 1 <= noted.count("again") <= max(1, trial.job("again").attempt - lost_attempts)
    with reading(installation.services.engine) as connection:
        counted = select(func.count()).where(log_lines.c.text == COUNTED, log_lines.c.job_id == trial.job("again").id)
        assert connection.execute(counted).scalar() == 1


def _check_the_flows(installation: FaultyInstallation, trial: Trial) -> None:
    """Each handler that has ended has started one flow, whole, and its jobs ran in their order."""
    with reading(installation.services.engine) as connection:
        flow_ids = connection.execute(select(flows.c.id, flows.c.started_by_job)).all()
    assert len({row.started_by_job for row in flow_ids}) == len(flow_ids)
    completed = {job.id for job in trial.all().values() if job.status is Status.COMPLETED}
    assert completed <= {row.started_by_job for row in flow_ids}
    for row in flow_ids:
        last, first = installation.services.queries.flows.get(row.id).jobs
        assert (first.status, last.status) == (Status.COMPLETED, Status.COMPLETED)
        assert first.finished_at is not None
        assert last.started_at is not None
        assert first.finished_at <= last.started_at


def _check_the_questions(installation: FaultyInstallation, trial: Trial) -> None:
    """Nothing is asked twice."""
    asked = [len(installation.services.questions.of(job.id)) for job in trial.all().values()]
    assert max(asked) <= 1


def _check_the_rest(installation: FaultyInstallation) -> None:
    services, redis = installation.services, installation.services.wake_ups.connection
    installation.wait_for(lambda: not services.leases.beats())
    installation.wait_for(lambda: not redis.llen(f"rq:queue:{QUEUE}"))
    assert all(-2 <= redis.ttl(key) <= 60 and redis.ttl(key) != -1 for key in redis.scan_iter("rq:job:*"))
    assert broken(snapshot(services.engine)) == []
    services.pruner.sweep_orphans(older_than=timedelta(minutes=-1))  # no process writes any more
    with reading(services.engine) as connection:
        rows = {row.id: row.sha256 for row in connection.execute(select(attachments))}
    found = services.files.files(timedelta(days=-1), time())
    files = {file.id: stored_path(services.files, file.id).read_bytes() for file in found}
    assert rows == {file_id: sha256(content).hexdigest() for file_id, content in files.items()}
    assert set(files.values()) <= {CONTENT}
