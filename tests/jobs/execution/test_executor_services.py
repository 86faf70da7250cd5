"""Services of an application's own in a handler: made for the attempt, closed whatever its end."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from tests.jobs.conftest import Nothing
from webapp.accounts.accounts import Accounts
from webapp.jobs.definition.own_services import job_service
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.job import Job, Status
from webapp.services import Services

Run = Callable[..., Job]


class Bank:
    """A service of an application."""

    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts
        self.open = True


@pytest.fixture
def banks(services: Services) -> list[Bank]:
    """Register the service; return the banks that it makes."""
    made: list[Bank] = []

    @job_service
    def bank(accounts: Accounts) -> Iterator[Bank]:
        made.append(Bank(accounts))
        try:
            yield made[-1]
        except BaseException:  # noqa: BLE001  (a careless service swallows everything)
            made[-1].open = False
        made[-1].open = False

    services.registry.add_service(bank)
    return made


def test_every_attempt_has_its_own_service(services: Services, run: Run, banks: list[Bank]) -> None:
    def handler(job: JobContext, payload: Nothing, bank: Bank) -> None:
        assert bank.open
        assert bank.accounts is services.accounts

    assert [run(handler).status for _ in range(2)] == [Status.COMPLETED] * 2
    assert [bank.open for bank in banks] == [False, False]


def test_a_service_that_swallows_the_error_of_a_handler_makes_no_success(run: Run, banks: list[Bank]) -> None:
    def fails(job: JobContext, payload: Nothing, bank: Bank) -> None:
        raise RuntimeError("no money")

    def stops(job: JobContext, payload: Nothing, bank: Bank) -> None:
        job.progress(1)
        banks.append(bank)
        raise job.retry_later(timedelta(minutes=1), "The bank is closed.")

    failed = run(fails)
    assert (failed.status, failed.errors[-1]["text"]) == (Status.FAILED, "RuntimeError: no money")
    assert run(stops, max_attempts=2).status is Status.SCHEDULED
    assert [bank.open for bank in banks] == [False] * 3


def test_a_service_that_cannot_be_made_fails_the_job(services: Services, run: Run) -> None:
    @job_service
    def bank(accounts: Accounts) -> Bank:
        raise ConnectionError("the bank does not answer")

    services.registry.add_service(bank)

    def handler(job: JobContext, payload: Nothing, bank: Bank) -> None:
        raise AssertionError

    job = run(handler)
    assert (job.status, job.errors[-1]["text"]) == (Status.FAILED, "ConnectionError: the bank does not answer")
    assert "in bank" in services.queries.jobs.attempts(job.id)[-1].traceback
