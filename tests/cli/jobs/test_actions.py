import json
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from click.testing import Result
from sqlalchemy import update

from webapp.db.engine import writing
from webapp.jobs.model.job import Status
from webapp.jobs.store.job_store import JobNotFound
from webapp.schema import jobs, later
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Run = Callable[..., Result]
Start = Callable[..., str]


@pytest.fixture
def status(services: Services) -> Callable[[str], Status]:
    return lambda job_id: services.jobs.get(UUID(job_id)).status


@pytest.fixture
def failed(services: Services, start: Start, run_jobs: Callable[..., int]) -> Callable[..., str]:
    """Create a job and let it fail; return its id."""

    def failed(**choices: object) -> str:
        job_id = start(**choices)
        with writing(services.engine) as connection:
            connection.execute(
                update(jobs).where(jobs.c.id == UUID(job_id)).values(payload={"format": "a format that is gone"})
            )
        run_jobs()
        return job_id

    return failed


def test_who_types_the_word_of_the_button_is_told_the_command(run: Run) -> None:
    refused = run("job", "stop", "4ee920c7")
    assert refused.exit_code == 2
    assert "No such command 'stop'. Did you mean 'cancel'? See `deskjob job --help`." in refused.stderr


def test_waiting_jobs_stop_at_once(run: Run, start: Start, status: Callable[[str], Status]) -> None:
    one, two = start(), start()
    done = run("job", "cancel", one, two[-8:])
    assert done.exit_code == 0
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [[one, "cancelled"], [two, "cancelled"]]
    assert {status(one), status(two)} == {Status.CANCELLED}


def test_unfinished_jobs_are_stopped_and_the_others_are_named(
    run: Run, start: Start, status: Callable[[str], Status]
) -> None:
    ended, waiting = start(), start()
    run("job", "cancel", ended)
    done = run("job", "cancel", ended, waiting, "--json")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"deskjob: Job {ended[-8:]} is cancelled and cannot")
    assert [job["id"] for job in json.loads(done.stdout)] == [waiting]
    assert status(waiting) is Status.CANCELLED


def test_an_unknown_id_among_several_changes_nothing(run: Run, start: Start, status: Callable[[str], Status]) -> None:
    job_id = start()
    assert run("job", "cancel", job_id, uuid4()).exit_code == 2
    assert status(job_id) is Status.QUEUED


def test_only_failed_and_stopped_jobs_are_retried(
    run: Run, start: Start, failed: Start, status: Callable[[str], Status]
) -> None:
    lost, stopped = failed(), start()
    run("job", "cancel", stopped)
    assert run("job", "retry", lost, stopped).exit_code == 0
    assert {status(lost), status(stopped)} == {Status.QUEUED}
    refused = run("job", "retry", lost)
    assert refused.exit_code == 1
    assert "`deskjob job run-again` starts a copy" in refused.stderr


def test_a_job_named_twice_is_retried_once(run: Run, failed: Start) -> None:
    job_id = failed()
    assert run("job", "retry", job_id, job_id[-8:]).exit_code == 0


def test_all_failed_jobs_are_retried_except_those_whose_unique_key_is_taken(
    run: Run, start: Start, failed: Start, status: Callable[[str], Status]
) -> None:
    stopped, one, two, keyed = start(), failed(), failed(), failed(unique_key="k")
    run("job", "cancel", stopped)
    start(unique_key="k")
    run("job", "cancel", stopped)
    done = run("job", "retry", "--all-failed", "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"retried": 2, "skipped": 1})
    assert [status(job_id) for job_id in (one, two, keyed)] == [Status.QUEUED, Status.QUEUED, Status.FAILED]
    again = run("job", "retry", "--all-failed").stdout
    assert again == "Retried: 0. Skipped because an unfinished job has the same unique key: 1.\n"


def test_since_limits_a_retry_to_recent_failures(
    run: Run, services: Services, failed: Start, status: Callable[[str], Status]
) -> None:
    old, new = failed(), failed()
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == UUID(old)).values(finished_at=later(-25 * 3600)))
    assert run("job", "retry", "--all-failed", "--since", "24h").stdout == "Retried: 1.\n"
    assert (status(old), status(new)) == (Status.FAILED, Status.QUEUED)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Give the IDs of the jobs to retry, or --all-failed."),
        (("--since", "1h"), "Give the IDs of the jobs to retry, or --all-failed."),
        (("{id}", "--all-failed"), "Give the IDs of the jobs to retry, or --all-failed."),
        (("{id}", "--since", "1h"), "--since works only with --all-failed"),
    ],
)
def test_a_retry_needs_ids_or_all_failed(run: Run, start: Start, words: tuple[str, ...], sentence: str) -> None:
    job_id = start()
    refused = run("job", "retry", *(word.replace("{id}", job_id) for word in words))
    assert refused.exit_code == 2
    assert sentence in refused.stderr


def test_a_job_is_run_again_as_a_new_one(run: Run, start: Start, services: Services) -> None:
    job_id = start()
    created = services.jobs.get(UUID(run("job", "run-again", job_id).stdout.strip()))
    assert (created.again_of, created.status) == (UUID(job_id), Status.QUEUED)


def test_a_job_without_its_input_files_cannot_run_again(run: Run, services: Services, table: object) -> None:
    job_id = run("job", "start", "dataset_report", "--file", f"file={table}").stdout.strip()
    services.files.remove(services.jobs.attachments(UUID(job_id))[0].id)
    refused = run("job", "run-again", job_id)
    assert refused.exit_code == 1
    assert "were deleted. Start a new job" in refused.stderr


def test_a_finished_job_is_deleted_and_a_waiting_one_is_refused(
    run: Run, start: Start, services: Services, status: Callable[[str], Status]
) -> None:
    ended, waiting = start(), start()
    run("job", "cancel", ended)
    done = run("job", "delete", ended, waiting)
    assert done.exit_code == 1
    assert done.stdout == f"{ended}  deleted\n"
    assert f"Job {waiting[-8:]} cannot be deleted" in done.stderr
    assert status(waiting) is Status.QUEUED
    with pytest.raises(JobNotFound):
        services.jobs.get(UUID(ended))


def test_only_a_waiting_job_can_get_another_priority(run: Run, start: Start, services: Services) -> None:
    job_id = start()
    assert json.loads(run("job", "priority", job_id, "7", "--json").stdout)["priority"] == 7
    assert services.jobs.get(UUID(job_id)).priority == 7
    run("job", "cancel", job_id)
    refused = run("job", "priority", job_id, "8")
    assert refused.exit_code == 1
    assert "has started or ended" in refused.stderr
