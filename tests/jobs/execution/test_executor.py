import signal
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel, Field, SecretStr
from sqlalchemy import select, update

from tests.jobs.conftest import LOCATION, run_once
from tests.stored_files import everything
from webapp.accounts.accounts import Accounts
from webapp.accounts.user import Role
from webapp.db.engine import reading, writing
from webapp.db.resource_errors import DISK_FULL, OUT_OF_MEMORY
from webapp.jobs.definition.job_type import JobError, job_type
from webapp.jobs.definition.payload import is_secret
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.model.policies import MAX_INTERRUPTIONS
from webapp.schema import jobs, now
from webapp.services import Services

PASSWORD = "plain tests are calm tests"


class Nothing(BaseModel):
    pass


class Login(BaseModel):
    name: str
    password: SecretStr


class Amount(BaseModel):
    amount: int = Field(ge=0)


Run = Callable[..., Job]


def test_a_job_completes_when_its_handler_returns(services: Services, run: Run, database: str) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        job.progress(10, message="on")
        job.logger.info("a line")

    job = run(handler)
    assert (job.status, job.progress, job.message) == (Status.COMPLETED, 100.0, "on")
    assert [line.text for line in services.queries.logs.log(job.id)] == ["a line"]
    (attempt,) = services.queries.jobs.attempts(job.id)
    assert (attempt.outcome, attempt.error, attempt.worker) == ("completed", None, LOCATION.worker)
    assert attempt.peak_memory > 2**20
    assert attempt.cpu_seconds >= 0
    assert attempt.longest_silence is not None
    assert attempt.longest_silence >= 0
    assert [event.name for event in services.queries.jobs.timeline(job.id)] == ["created", "started", "completed"]


def test_a_job_fails_when_its_handler_returns_false(services: Services, run: Run) -> None:
    def handler(job: JobContext, payload: Nothing) -> bool:
        job.progress(40)
        return False

    job = run(handler)
    assert (job.status, job.progress) == (Status.FAILED, 40.0)
    assert job.errors[0]["text"] == "The job reported that it failed."
    assert services.queries.jobs.attempts(job.id)[0].traceback is None


@pytest.mark.parametrize("value", [None, True, 0, "", [], {}])
def test_only_false_means_failure(run: Run, value: object) -> None:
    def handler(job: JobContext, payload: Nothing) -> object:
        return value

    assert run(handler).status is Status.COMPLETED


def test_an_exception_becomes_a_message_and_a_traceback(services: Services, run: Run, database: str) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        job.warn("odd")
        raise RuntimeError("the disk is gone")

    job = run(handler)
    assert job.status is Status.FAILED
    assert [error["text"] for error in job.errors] == ["RuntimeError: the disk is gone"]
    assert [warning["text"] for warning in job.warnings] == ["odd"]
    (attempt,) = services.queries.jobs.attempts(job.id)
    assert attempt.error == "RuntimeError: the disk is gone"
    assert "in handler" in attempt.traceback


def test_the_text_of_a_job_error_is_the_message(run: Run) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        raise JobError("The sheet has no rows.")

    assert run(handler).errors[0]["text"] == "The sheet has no rows."


def test_an_error_with_unstorable_characters_is_stored_in_every_database(run: Run, database: str) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        raise FileNotFoundError("no file a\udcff\0b")

    job = run(handler)
    assert (job.status, job.errors[0]["text"]) == (Status.FAILED, "FileNotFoundError: no file a\ufffd\u2400b")


def test_a_job_stops_at_its_timeout_even_if_it_catches_exceptions(run: Run) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        while True:
            try:
                time.sleep(5)
            except Exception:  # noqa: BLE001
                continue

    job = run(handler, timeout=timedelta(seconds=0.2))
    assert job.status is Status.FAILED
    assert job.errors[0]["text"] == "It ran longer than its limit of 0.2 s and was stopped."


def test_the_timeout_of_one_job_does_not_affect_the_next(run: Run) -> None:
    def quick(job: JobContext, payload: Nothing) -> None:
        pass

    def next_job(job: JobContext, payload: Nothing) -> None:
        assert signal.getitimer(signal.ITIMER_REAL)[0] > timedelta(hours=1).total_seconds()

    handler_before = signal.getsignal(signal.SIGALRM)
    assert run(quick, timeout=timedelta(minutes=1)).status is Status.COMPLETED
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert run(next_job, timeout=timedelta(hours=2)).status is Status.COMPLETED
    assert signal.getsignal(signal.SIGALRM) == handler_before


def test_an_outdated_payload_fails_the_job_with_its_messages(services: Services, run: Run, lease: UUID) -> None:
    called = []

    def handler(job: JobContext, payload: Amount) -> None:
        called.append(payload)

    services.registry.add(job_type("tested", title="Tested", replaces=True)(handler))
    made = services.jobs.create_job("tested", {"amount": 1})
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(payload={"amount": -1}))
    job = run_once(services, "default", lease)
    assert (job.id, job.status, called) == (made.id, Status.FAILED, [])
    assert "amount: Input should be greater than or equal to 0." in job.errors[0]["text"]


def test_a_job_runs_only_if_its_owner_is_active(services: Services, run: Run) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        pass

    gone = run(handler, owner=Owner(user_id=uuid4()))
    assert (gone.status, "missing or disabled" in gone.errors[0]["text"]) == (Status.FAILED, True)
    ana = services.accounts.add("ana", PASSWORD, role=Role.USER)
    assert run(handler, owner=Owner(user_id=ana.id)).status is Status.COMPLETED
    services.accounts.disable("ana")
    assert run(handler, owner=Owner(user_id=ana.id)).status is Status.FAILED


def test_a_handler_gets_a_decrypted_secret_and_the_row_keeps_it_encrypted(
    services: Services, run: Run, database: str
) -> None:
    seen = []

    def handler(job: JobContext, payload: Login) -> None:
        seen.append(payload.password.get_secret_value())

    job = run(handler, {"name": "ana", "password": "a very secret word"})
    assert (job.status, seen) == (Status.COMPLETED, ["a very secret word"])
    assert is_secret(job.payload["password"])
    with reading(services.engine) as connection:
        assert "a very secret word" not in str(connection.execute(select(jobs)).all())


def test_a_handler_gets_services_by_their_class(run: Run) -> None:
    seen = []

    def handler(job: JobContext, payload: Nothing, accounts: Accounts) -> None:
        seen.append(accounts.all())

    assert run(handler).status is Status.COMPLETED
    assert [list(accounts) for accounts in seen] == [[]]


def test_an_interrupted_job_is_handed_back_with_its_checkpoint_and_its_attempt(
    services: Services, run: Run, lease: UUID, database: str
) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        for step in range(job.state.get("step", 0), 3):
            job.save_state({"step": step + 1})
            if job.attempt == 1:
                services.executor.interrupt()

    job = run(handler)
    assert (job.status, job.state, job.attempt, job.max_attempts) == (Status.QUEUED, {"step": 2}, 1, 2)
    assert [attempt.outcome for attempt in services.queries.jobs.attempts(job.id)] == ["interrupted"]
    services.executor.interrupted = False
    again = run_once(services, "default", lease)
    assert (again.status, again.state, again.attempt) == (Status.COMPLETED, {"step": 3}, 2)


@pytest.mark.parametrize(("saves", "ends_as"), [(True, Status.QUEUED), (False, Status.FAILED)])
def test_a_job_that_saves_checkpoints_can_be_interrupted_any_number_of_times(
    services: Services, run: Run, lease: UUID, saves: bool, ends_as: Status
) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        if saves:
            job.save_state({"attempt": job.attempt})
        services.executor.interrupt()
        job.message("a word")

    run(handler)
    for _ in range(MAX_INTERRUPTIONS):
        services.executor.interrupted = False
        job = run_once(services, "default", lease)
    assert (job.status, job.attempt) == (ends_as, MAX_INTERRUPTIONS + 1)
    assert job.errors == () if saves else job.errors[-1]["text"].startswith("It was interrupted 10 times in a row")


def test_a_job_that_is_claimed_while_the_worker_stops_is_handed_back_without_running(
    services: Services, run: Run, lease: UUID
) -> None:
    called = []

    def handler(job: JobContext, payload: Nothing) -> None:
        called.append(job.id)

    services.executor.interrupt()
    job = run(handler)
    assert (job.status, called) == (Status.QUEUED, [])


def test_a_job_that_was_asked_to_stop_is_cancelled(services: Services, run: Run, database: str) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        job.progress(30)
        with writing(services.engine) as connection:
            connection.execute(update(jobs).values(cancel_requested_at=now()))
        while True:
            job.message("on")
            time.sleep(0.05)

    job = run(handler)
    assert (job.status, job.cancel_kind, job.progress) == (Status.CANCELLED, "cooperative", 30.0)
    assert job.errors == ()


def test_an_attempt_that_lost_its_lease_writes_nothing(services: Services, run: Run, lease: UUID) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        services.leases.settle(lease, why="It could not be seen.")
        job.message("late")

    job = run(handler, max_attempts=2)
    assert (job.status, job.message) == (Status.QUEUED, "")
    assert [attempt.outcome for attempt in services.queries.jobs.attempts(job.id)] == ["lost"]


def test_a_database_error_fails_the_job(services: Services, run: Run) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        with reading(services.engine) as connection:
            connection.exec_driver_sql("SELECT * FROM nowhere")

    job = run(handler)
    assert job.status is Status.FAILED
    assert "nowhere" in job.errors[0]["text"]


def test_an_executor_runs_several_jobs_one_after_the_other(
    services: Services, make: Callable[..., Job], lease: UUID
) -> None:
    for _ in range(3):
        make()
    while job := services.claims.claim("default", lease, fresh=True):
        services.executor.run(job, LOCATION)
    assert {job.status for job in services.queries.all_jobs.newest(9)} == {Status.COMPLETED}


def test_a_full_disk_fails_the_job_with_a_message(
    services: Services, run: Run, file_size_limit: Callable[[int], Any]
) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        with file_size_limit(500_000):
            job.attach("big.bin", b"x" * 1_000_000)

    job = run(handler)
    assert (job.status, job.errors[-1]["text"]) == (Status.FAILED, DISK_FULL)
    assert services.jobs.attachments(job.id) == ()
    assert everything(services.files) == []


def test_a_memory_error_fails_the_job_with_a_message(run: Run) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        bytearray(2**62)

    job = run(handler)
    assert (job.status, job.errors[-1]["text"]) == (Status.FAILED, OUT_OF_MEMORY)
