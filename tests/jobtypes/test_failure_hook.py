"""The job that runs a failure hook, with a fake job context. The engine has the tests of the hooks themselves."""

from typing import Any
from uuid import uuid4

import pytest

from webapp.jobs import InvalidPayload, JobError, JobNotFound
from webapp.jobs.testing import FakeJobContext
from webapp.jobtypes.failure_hook import failure_hook

PAYLOAD = {"job_id": str(uuid4()), "status": "stale", "error": "The worker is gone."}


class FakeHooks:
    """Remembers the hook that it runs."""

    def __init__(self, error: Exception | None = None) -> None:
        self.ran: list[Any] = []
        self.error = error

    def run(self, *arguments: Any) -> None:
        self.ran.append([str(argument) for argument in arguments[:-1]])
        if self.error:
            raise self.error


def test_it_runs_the_hook_of_the_failed_job() -> None:
    job, hooks = FakeJobContext(), FakeHooks()
    job.run(failure_hook, PAYLOAD, hooks=hooks)
    assert (hooks.ran, job.messages) == ([list(PAYLOAD.values())], [])


def test_an_error_of_the_hook_fails_it() -> None:
    with pytest.raises(JobError):
        FakeJobContext().run(failure_hook, PAYLOAD, hooks=FakeHooks(JobError("no ink")))


def test_there_is_nothing_to_do_for_a_deleted_job() -> None:
    job = FakeJobContext()
    job.run(failure_hook, PAYLOAD, hooks=FakeHooks(JobNotFound("it")))
    assert job.messages == ["The job was deleted."]


def test_a_dry_run_does_not_call_the_hook() -> None:
    job, hooks = FakeJobContext(is_dry_run=True), FakeHooks()
    job.run(failure_hook, PAYLOAD, hooks=hooks)
    assert (hooks.ran, job.log_lines) == ([], [("INFO", "A dry run does not call the hook.")])


@pytest.mark.parametrize("change", [{"status": "completed"}, {"job_id": "7"}, {"other": 1}])
def test_its_payload_is_checked(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidPayload):
        FakeJobContext().run(failure_hook, {**PAYLOAD, **change}, hooks=FakeHooks())
