"""The explanation of a failed job: reason and advice."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from webapp.jobs.model.job import Job, Status
from webapp.views.job.failure_help import failure_help


def explained(status: Status, text: str = "No stamp.", *, may_retry: bool = True, **values: Any) -> Any:
    job = Job(id=UUID(int=7), type="t", title="T", status=status, errors=({"text": text},) if text else (), **values)
    return failure_help(job, may_retry=may_retry, may_change=may_retry)


def test_the_reason_is_the_message_of_the_job() -> None:
    assert explained(Status.FAILED).reason == "No stamp."
    assert explained(Status.FAILED, "").reason == "No reason was given."
    assert explained(Status.FAILED, "Note: bring your own stamp.").reason == "Note: bring your own stamp."


@pytest.mark.parametrize("name", ["RuntimeError", "ConnectionError", "ReadTimeout", "Exception"])
def test_an_unexpected_error_is_shown_without_its_class_name(name: str) -> None:
    reason = explained(Status.FAILED, f"{name}: The shop did not answer.").reason
    assert reason == "Unexpected error: The shop did not answer."


def test_the_advice_depends_on_the_job() -> None:
    assert "only the child jobs" in explained(Status.FAILED, "KeyError: 'sku'", parts=3).advice[0]
    assert "This is a child job" in explained(Status.FAILED, root_id=uuid4()).advice[0]
    assert "Check its files" in explained(Status.STALE).advice[0]
    assert explained(Status.FAILED, may_retry=False).advice == ("If you contact support, give the number 00000007.",)
    assert "retried automatically" in explained(Status.SCHEDULED, attempt=1).advice[0]


@pytest.mark.parametrize(
    ("error", "first", "second"),
    [
        ("The file has no column sku.", "Correct the input", "If the cause is fixed or was temporary, retry it"),
        ("KeyError: 'sku'", "If the cause may be temporary, retry it", "If the input was the cause"),
        ("The process that ran this job was killed (SIGKILL).", "If it is killed again", "a smaller one"),
        ("It ran longer than its limit of 2:00:00 and was stopped.", "ask for a higher limit", "a smaller one"),
    ],
)
def test_the_advice_depends_on_the_kind_of_failure(error: str, first: str, second: str) -> None:
    advice = explained(Status.FAILED, error).advice
    assert first in advice[0]
    assert second in advice[1]


def test_only_failed_jobs_are_explained() -> None:
    for status in set(Status) - {Status.FAILED, Status.STALE}:
        assert explained(status) is None
