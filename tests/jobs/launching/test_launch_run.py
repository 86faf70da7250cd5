from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from tests.jobs.conftest import HOLDER, LOCATION
from webapp.jobs.execution.handler_errors import LaunchFailed
from webapp.jobs.execution.work_horse import Budget, WorkHorse
from webapp.jobs.launching.launch_run import LaunchRun
from webapp.jobs.launching.launchers import Launcher
from webapp.jobs.launching.launches import Launches
from webapp.jobs.model.job import Job, Status
from webapp.jobs.model.policies import DEFAULT_RESOURCES
from webapp.services import Services

Launching = Callable[..., LaunchRun]


@pytest.fixture
def launching(launches: Launches) -> Launching:
    def launching(start: str, **options: object) -> LaunchRun:
        launcher = Launcher.model_validate({"start": ["sh", "-c", start, "{job}"], **options})
        return LaunchRun(launches, {"default": launcher}, lambda _type: DEFAULT_RESOURCES)

    return launching


def test_a_launched_job_waits_without_its_work_horse(
    services: Services, launches: Launches, launching: Launching, claimed: Job, lease: UUID
) -> None:
    launching("true").launch(claimed, lease)
    assert launches.waits(claimed.id)
    assert services.leases.running_job(lease) is None


def test_the_command_gets_the_placeholders_as_words_and_as_input(
    launching: Launching, claimed: Job, lease: UUID, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    launching(f"echo $0 > {told}; cat >> {told}", input="memory: {memory}").launch(claimed, lease)
    assert told.read_text() == f"{claimed.id}\nmemory: 1024"


def test_a_command_that_fails_ends_the_attempt_with_its_last_words(
    launches: Launches, launching: Launching, claimed: Job, lease: UUID
) -> None:
    with pytest.raises(LaunchFailed, match=r"failed with status 3\. no such partition"):
        launching("echo no such partition >&2; exit 3").launch(claimed, lease)
    assert not launches.waits(claimed.id), "a process that comes after all gets nothing"


def test_a_program_that_is_missing_is_a_failure_too(launches: Launches, claimed: Job, lease: UUID) -> None:
    launcher = Launcher(start=("no-such-program", "{job}"))
    with pytest.raises(LaunchFailed, match="cannot be started"):
        LaunchRun(launches, {"default": launcher}, lambda _type: DEFAULT_RESOURCES).launch(claimed, lease)


def test_a_command_that_stays_attached_is_left_alone_when_the_job_has_begun(
    services: Services, launches: Launches, launching: Launching, claimed: Job, lease: UUID, tmp_path: Path
) -> None:
    class Begins(Launches):
        def has_begun(self, job: Job) -> bool:
            if not super().has_begun(job):
                self.begin(job.id, HOLDER)
            return super().has_begun(job)

    go_on = tmp_path / "go-on"
    launcher = Launcher(start=("sh", "-c", f"until [ -e {go_on} ]; do sleep 0.1; done", "{job}"))
    run = LaunchRun(Begins(services.engine), {"default": launcher}, lambda _type: DEFAULT_RESOURCES)
    try:
        run.launch(claimed, lease)
    finally:
        go_on.touch()
        for command in run._attached:
            command.wait()
    assert services.jobs.get(claimed.id).lease_id != lease
    assert len(run._attached) == 1, "it did not return"


def test_an_unwanted_process_is_stopped_once_by_the_command_for_that(
    services: Services, launches: Launches, launching: Launching, launched: Job, tmp_path: Path
) -> None:
    stops = tmp_path / "stops"
    run = launching("true", stop=["sh", "-c", f"echo $0 >> {stops}", "{name}"])
    run.stop_unwanted("default")
    assert not stops.exists()
    services.leases.settle(services.jobs.get(launched.id).lease_id, why="It did not begin.")
    assert run.has_unwanted("default")
    run.stop_unwanted("default")
    run.stop_unwanted("default")
    assert stops.read_text() == f"deskjob-{launched.id.hex}-1\n"


def test_a_stop_that_fails_is_not_repeated_for_ever(
    services: Services, launching: Launching, launched: Job, caplog: pytest.LogCaptureFixture
) -> None:
    services.leases.settle(services.jobs.get(launched.id).lease_id, why="It did not begin.")
    run = launching("true", stop=["sh", "-c", "echo gone; exit 1"])
    run.stop_unwanted("default")
    assert not run.has_unwanted("default")
    assert "could not be stopped (1): gone" in caplog.text


def work_horse(services: Services, launcher: LaunchRun) -> WorkHorse:
    budget = Budget(jobs=100, seconds=60.0, megabytes=2**20)
    return WorkHorse(services.claims, services.executor, budget, lambda _queue: None, launcher=launcher)


def test_a_work_horse_launches_all_jobs_of_such_a_queue_and_runs_none(
    services: Services, make: Callable[..., Job], launches: Launches, launching: Launching, lease: UUID
) -> None:
    ids = [make().id for _ in range(3)]
    assert work_horse(services, launching("true")).drain("default", lease, LOCATION) == 3
    assert all(map(launches.waits, ids))


def test_a_job_that_cannot_be_launched_is_retried_as_its_type_says(
    services: Services, make: Callable[..., Job], launching: Launching, lease: UUID
) -> None:
    job = make()
    work_horse(services, launching("echo the cluster is full; exit 1")).drain("default", lease, LOCATION)
    failed = services.jobs.get(job.id)
    assert failed.status is Status.FAILED
    assert failed.errors[-1]["text"] == "The launcher of queue default failed with status 1. the cluster is full"
