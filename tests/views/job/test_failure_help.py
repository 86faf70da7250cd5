"""A failure in the words of its owner, and what can be done about it."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from webapp.jobs.model.job import Job, Status
from webapp.views.job.failure_help import failure_help


def explained(status: Status, text: str = "No stamp.", *, may_retry: bool = True, **values: Any) -> Any:
    job = Job(id=UUID(int=7), type="t", title="T", status=status, errors=({"text": text},) if text else (), **values)
    return failure_help(job, may_retry=may_retry, may_change=may_retry)


def test_what_the_job_says_is_what_people_read() -> None:
    assert explained(Status.FAILED).reason == "No stamp."
    assert explained(Status.FAILED, "").reason == "No reason was given."
    assert explained(Status.FAILED, "Note: bring your own stamp.").reason == "Note: bring your own stamp."


@pytest.mark.parametrize("name", ["RuntimeError", "ConnectionError", "ReadTimeout", "Exception"])
def test_an_error_that_was_not_foreseen_is_said_without_its_name_in_the_code(name: str) -> None:
    reason = explained(Status.FAILED, f"{name}: The shop did not answer.").reason
    assert reason == "Unexpected error: The shop did not answer."


def test_what_can_be_done_depends_on_the_job() -> None:
    assert "continues from its last checkpoint" in explained(Status.FAILED).advice[0]
    assert "only the child jobs" in explained(Status.FAILED, parts=3).advice[0]
    assert "This is a child job" in explained(Status.FAILED, root_id=uuid4()).advice[0]
    assert "Look at its files" in explained(Status.STALE).advice[0]
    assert explained(Status.FAILED, may_retry=False).advice == ("If you ask for help, give the number 00000007.",)
    assert "tried again by itself" in explained(Status.SCHEDULED, attempt=1).advice[0]


def test_what_has_not_failed_is_not_explained() -> None:
    for status in set(Status) - {Status.FAILED, Status.STALE}:
        assert explained(status) is None
