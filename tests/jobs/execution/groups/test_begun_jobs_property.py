"""A work-horse dies anywhere in a group, while others change its jobs: only the job that was running pays for it."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.exhaustive import examples
from tests.jobs.conftest import HOLDER, LOCATION, Nothing
from tests.jobs.row_invariants import broken, snapshot
from webapp.db.sqlite_file import FilesClosed
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution import work_horse
from webapp.jobs.execution.context import JobContext
from webapp.jobs.execution.groups import group_size
from webapp.jobs.model.job import IllegalTransition, Job, Status
from webapp.jobs.store.job_store import JobNotFound
from webapp.services import Services

pytestmark = [pytest.mark.dialect, pytest.mark.usefixtures("database")]
COUNT = 12
CHANGES = ("cancel", "depend", "report", "fail")


@pytest.fixture(autouse=True)
def _groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_size, "_FEWEST_RUNS", 1)
    monkeypatch.setattr(group_size, "WORTH_SECONDS", 100.0)
    monkeypatch.setattr(work_horse, "MOST_SECONDS", 100.0)


class Trial:
    """Some jobs, whose handlers change other jobs, and one of which ends its process."""

    def __init__(self, services: Services, changes: dict[int, tuple[str, int]], death: int | None) -> None:
        self.services = services
        self.changes = changes
        self.death = death
        self.runs: Counter[int] = Counter()
        self.cancelled: set[int] = set()
        self.jobs = [services.jobs.create_job("nothing", title=str(number)) for number in range(COUNT)]

    def drain(self) -> None:
        """Run all queued jobs in a process of its own, which can die, and settle what it leaves."""
        horse = Services(self.services.settings, self.services.engine)
        horse.registry.add(job_type("nothing", title="Nothing")(self._handler()))
        lease = horse.leases.open(HOLDER, "default")
        try:
            horse.work_horse().drain("default", lease, LOCATION)
        except FilesClosed:
            self.death = None
            assert horse.executor.begun
            horse.executor.begun.close()  # as the end of its process does
        horse.leases.settle(lease, why="It died.")
        horse.wake_ups.connection.close()

    def _handler(self) -> Any:
        def run(job: JobContext, _payload: Nothing) -> None:
            number = int(job.title) if job.title.isdigit() else COUNT
            self.runs[number] += 1
            self._change(job, *self.changes.get(number, ("", 0)))
            if number == self.death:
                raise FilesClosed

        return run

    def _change(self, job: JobContext, change: str, number: int) -> None:
        other = self.jobs[number]
        if change == "cancel":
            try:
                self.services.jobs.cancel(other.id)
                self.cancelled.add(number)
            except (IllegalTransition, JobNotFound):
                pass
        if change == "depend":
            self.services.jobs.create_job("nothing", title="after", after=[other.id], on_finish=True)
        if change == "report":
            job.message("half")
        if change == "fail":
            raise RuntimeError

    def found(self) -> list[Job]:
        return [self.services.jobs.get(job.id) for job in self.jobs]


@settings(
    max_examples=examples(16),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    changes=st.dictionaries(
        st.integers(0, COUNT - 1), st.tuples(st.sampled_from(CHANGES), st.integers(0, COUNT - 1)), max_size=6
    ),
    death=st.none() | st.integers(0, COUNT - 1),
)
def test_only_the_running_job_is_lost_with_its_work_horse(
    services: Services, changes: dict[int, tuple[str, int]], death: int | None
) -> None:
    trial = Trial(services, changes, death)
    trial.drain()
    assert broken(snapshot(services.engine)) == []
    for number, job in enumerate(trial.found()):
        if job.status is Status.QUEUED:
            assert (job.attempt, trial.runs[number]) == (0, 0)
        elif number == death and trial.runs[number]:
            assert job.status in {Status.FAILED, Status.CANCELLED}
    trial.drain()
    assert broken(snapshot(services.engine)) == []
    for number, job in enumerate(trial.found()):
        fails = number in changes and changes[number][0] == "fail"
        assert trial.runs[number] <= 1
        if number not in trial.cancelled:
            expected = Status.FAILED if fails or number == death else Status.COMPLETED
            assert (job.status, job.attempt, trial.runs[number]) == (expected, 1, 1)
        elif not trial.runs[number]:
            assert job.status is Status.CANCELLED
