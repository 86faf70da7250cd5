"""Faults of a work-horse that holds several claimed jobs: they cost at most the job whose handler was running."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.databases import TEMPLATE, create_database, drop_database, in_database
from tests.exhaustive import every_pair, exhaustive
from tests.faults.installation_under_fault import QUEUE, FaultyInstallation, faulty_installation
from tests.faults.matrix import ACTIONS
from tests.jobs.row_invariants import broken, snapshot
from webapp.jobs.execution.groups import group_size
from webapp.jobs.model.job import Job, Status

COUNT = 14
# The seconds that one job takes so that a process reaches the point: all others of its group are given back then
OF_GROUPS = {
    **dict.fromkeys(("group.completed", "group.commit"), 0.0),
    "give-back.commit": 1.5 * group_size.MOST_SECONDS,
    "relieve.commit": 2.5,
}
POINTS = {"horse.claimed": 0.0, "horse.begun": 0.0, "horse.ended": 0.0, **OF_GROUPS}


@pytest.fixture(scope="module", params=["sqlite", exhaustive("postgresql")])
def installation(
    request: pytest.FixtureRequest, valkey_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FaultyInstallation]:
    folder, name = tmp_path_factory.mktemp("installation"), f"faults_{uuid4().hex}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(group_size, "_FEWEST_RUNS", 1)
        patch.setattr(group_size, "WORTH_SECONDS", 100.0)  # however slow the machine is
        if request.param == "sqlite":
            shutil.copy(request.getfixturevalue("sqlite_template"), folder / "deskjob.sqlite3")
            url = f"sqlite:///{folder / 'deskjob.sqlite3'}"
        else:
            server = request.getfixturevalue("postgresql_server")
            create_database(server, name, TEMPLATE)
            url = in_database(server, name)
        with faulty_installation(url, valkey_url, folder, only_short_jobs=True) as installation:
            yield installation
        if request.param == "postgresql":
            drop_database(server, name)


@pytest.fixture(autouse=True)
def _cleared(installation: FaultyInstallation) -> Iterator[None]:
    yield
    installation.clear()


def all_jobs(installation: FaultyInstallation) -> tuple[Job, ...]:
    return installation.services.queries.all_jobs.newest(1000)


@pytest.mark.parametrize(("point", "action"), every_pair(POINTS, ACTIONS))
def test_a_fault_costs_at_most_the_job_that_was_running(
    installation: FaultyInstallation, tmp_path: Path, point: str, action: str
) -> None:
    marks = tmp_path / "marks"

    def create_jobs() -> None:
        installation.services.queues.pause(QUEUE)
        for number in range(COUNT):
            payload = {"marks": str(marks), "seconds": POINTS[point] if number == COUNT // 2 else 0.0}
            installation.services.jobs.create_job("in_group", payload, title=f"job-{uuid4()}", queue=QUEUE)
        installation.services.queues.resume(QUEUE)

    def has_struck_and_all_finished() -> bool:
        if not all(job.is_finished for job in all_jobs(installation)):
            return False
        if not has_struck():  # no group was cut in two by the long job
            create_jobs()
            return False
        return True

    has_struck = installation.arm_fault(point, f"{action} 0.1")
    create_jobs()
    installation.wait_for(has_struck_and_all_finished)
    runs, jobs = Counter(marks.read_text().split()), all_jobs(installation)
    untouched = [job for job in jobs if (job.status, job.attempt) == (Status.COMPLETED, 1)]
    assert len(untouched) >= len(jobs) - 1
    assert {runs[job.title] for job in untouched} == {1}
    assert all(runs[job.title] <= job.attempt for job in jobs)
    installation.wait_for(lambda: not installation.services.leases.beats())
    assert broken(snapshot(installation.services.engine)) == []
