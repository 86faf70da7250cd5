"""job run: run a job in this process, or a dry run of it."""

import json
from collections.abc import Callable
from uuid import UUID

import pytest
from click.testing import Result
from pydantic import BaseModel, Field
from sqlalchemy import func, select, update

from webapp.accounts.audit_log import AuditAction
from webapp.accounts.audit_query import AuditCriteria
from webapp.db.engine import reading, writing
from webapp.jobs import JobContext, JobError, job_type
from webapp.jobs.model.job import Status
from webapp.schema import jobs, leases, metadata
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Run = Callable[..., Result]
Create = Callable[..., str]


class Letter(BaseModel):
    text: str = Field(default="dear")


def write(job: JobContext, payload: Letter) -> None:
    job.progress(50, message=f"{payload.text} reader")
    if payload.text == "bad":
        raise JobError("The ink is dry.")


@pytest.fixture
def create(services: Services) -> Create:
    services.registry.add(job_type("letter", title="Letter", replaces=True)(write))
    return lambda text="dear", **choices: str(services.jobs.create_job("letter", {"text": text}, **choices).id)


@pytest.fixture
def set_status(services: Services) -> Callable[[str, Status], None]:
    def set_status(job_id: str, status: Status) -> None:
        with writing(services.engine) as connection:
            changed = update(jobs).where(jobs.c.id == UUID(job_id)).values(status=status.value)
            connection.execute(changed)

    return set_status


def status_of(services: Services, job_id: str) -> Status:
    return services.jobs.get(UUID(job_id)).status


def audited(services: Services, action: AuditAction) -> int:
    return len(services.audit_trail.page(AuditCriteria(action=action)))


def test_a_waiting_job_runs_at_once(run: Run, services: Services, create: Create) -> None:
    job_id = create()
    done = run("job", "run", job_id[-8:])
    assert (done.exit_code, done.stdout) == (0, "")
    lines = done.stderr.splitlines()
    assert lines[0] == f"{job_id}  running 0.0 %"
    assert lines[-1] == f"{job_id}  completed 100.0 % dear reader"
    assert status_of(services, job_id) is Status.COMPLETED
    assert services.queries.jobs.attempts(UUID(job_id))[0].worker.startswith("inline ")


def test_a_failure_is_the_exit_status(run: Run, create: Create) -> None:
    job_id = create("bad")
    done = run("job", "run", job_id, "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["status"] == "failed"
    assert done.stderr == f"deskjob: Job {job_id[-8:]} failed: The ink is dry.\n"


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED, Status.STALE, Status.HELD])
def test_it_asks_before_it_runs_a_job_that_has_ended_or_waits_for_others(
    run: Run, services: Services, create: Create, set_status: Callable[..., None], status: Status
) -> None:
    job_id = create()
    set_status(job_id, status)
    refused = run("job", "run", job_id)
    assert refused.exit_code == 1
    assert "[y/N]" in refused.stderr
    assert status_of(services, job_id) is status
    assert run("job", "run", job_id, "--yes").exit_code == 0
    assert status_of(services, job_id) is Status.COMPLETED


def test_a_completed_job_runs_as_a_copy(run: Run, services: Services, create: Create) -> None:
    job_id = create()
    run("job", "run", job_id)
    done = run("job", "run", job_id, "--yes", "--json")
    copy = json.loads(done.stdout)
    assert (copy["status"], copy["again_of"]) == ("completed", job_id)
    assert copy["id"] != job_id


def test_a_scheduled_job_runs_before_its_time(run: Run, services: Services, create: Create) -> None:
    job_id = create(run_at=services.queries.jobs.now().replace(year=2199))
    assert run("job", "run", job_id).exit_code == 0
    assert status_of(services, job_id) is Status.COMPLETED


@pytest.mark.parametrize("status", [Status.RUNNING, Status.WAITING])
def test_a_job_never_runs_twice_at_once(
    run: Run, services: Services, create: Create, set_status: Callable[..., None], status: Status
) -> None:
    job_id = create()
    set_status(job_id, status)
    done = run("job", "run", job_id, "--yes")
    assert done.exit_code == 1
    assert status_of(services, job_id) is status


def test_a_run_is_in_the_audit_log_and_a_refused_one_is_not(run: Run, services: Services, create: Create) -> None:
    services.queues.limit("default", 0)
    job_id = create()
    refused = run("job", "run", job_id)
    assert refused.exit_code == 2
    assert "a concurrency limit is reached" in refused.stderr
    assert audited(services, AuditAction.JOB_RUN) == 0
    services.queues.limit("default", None)
    run("job", "run", job_id)
    assert audited(services, AuditAction.JOB_RUN) == 1


def test_ctrl_c_hands_the_job_back(run: Run, services: Services) -> None:
    def interrupted(job: JobContext, payload: Letter) -> None:
        raise KeyboardInterrupt

    services.registry.add(job_type("letter", title="Letter", replaces=True)(interrupted))
    job_id = str(services.jobs.create_job("letter").id)
    done = run("job", "run", job_id)
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (
        1,
        "deskjob: The job was interrupted. It was handed back and waits for a worker.",
    )
    assert status_of(services, job_id) is Status.QUEUED
    with reading(services.engine) as connection:
        assert connection.execute(select(func.count()).select_from(leases)).scalar() == 0


def rows(services: Services) -> dict[str, list[str]]:
    with reading(services.engine) as connection:
        return {table.name: sorted(map(repr, connection.execute(select(table)))) for table in metadata.sorted_tables}


@pytest.mark.parametrize(("text", "exit_code"), [("dear", 0), ("bad", 1)])
def test_debug_shows_what_the_job_does_and_changes_nothing(
    run: Run, services: Services, create: Create, text: str, exit_code: int
) -> None:
    job_id = create(text)
    before = rows(services)
    done = run("job", "run", job_id, "--debug")
    assert (done.exit_code, done.stderr) == (exit_code, "")
    assert done.stdout.splitlines() == [
        "progress: 50 %",
        f"message: {text} reader",
        "It would fail: The ink is dry." if exit_code else "It would complete.",
    ]
    assert rows(services) == before


def test_debug_prints_json_lines(run: Run, create: Create) -> None:
    done = run("job", "run", create(), "--debug", "--json")
    assert [json.loads(line)["kind"] for line in done.stdout.splitlines()] == ["progress", "message", "result"]


def test_debug_starts_the_debugger_in_a_terminal(run: Run, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(job: JobContext, payload: Letter) -> None:
        raise ValueError("no ink")

    services.registry.add(job_type("letter", title="Letter", replaces=True)(breaks))
    job_id = str(services.jobs.create_job("letter").id)
    debugged: list[object] = []
    monkeypatch.setattr("pdb.post_mortem", debugged.append)
    monkeypatch.setattr("webapp.cli.jobs.run._is_terminal", lambda: True)
    done = run("job", "run", job_id, "--debug")
    assert done.exit_code == 1
    assert "Traceback" in done.stdout
    assert len(debugged) == 1


def test_a_worker_only_job_is_refused(run: Run, services: Services) -> None:
    services.registry.add(job_type("letter", title="Letter", worker_only=True, replaces=True)(write))
    job_id = str(services.jobs.create_job("letter").id)
    for words in (["--yes"], ["--debug"]):
        done = run("job", "run", job_id, *words)
        assert done.exit_code == 2
        assert "run only in a worker" in done.stderr
