"""The explanation of a failed job: reason and advice."""

from queue import Empty
from typing import Any
from uuid import UUID, uuid4
from zipfile import BadZipFile

import pytest

from webapp.jobs.execution.handler_errors import sentence_of, translation_of
from webapp.jobs.model.diagnostics import make_diagnostic
from webapp.jobs.model.job import Job, Status
from webapp.views.job.failure_help import failure_help


def explained(status: Status, text: str = "No stamp.", *, may_retry: bool = True, key: str = "", **values: Any) -> Any:
    errors = (make_diagnostic(text, key),) if text else ()
    job = Job(id=UUID(int=7), type="t", title="T", status=status, errors=errors, **values)
    return failure_help(job, may_retry=may_retry, may_change=may_retry)


def test_the_reason_is_the_message_of_the_job() -> None:
    assert explained(Status.FAILED).reason == "No stamp."
    assert explained(Status.FAILED, "").reason == "No reason was given."
    assert explained(Status.FAILED, "Note: bring your own stamp.").reason == "Note: bring your own stamp."


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyError("vat_rate"), "KeyError: 'vat_rate'"),
        (IndexError("list index out of range"), "IndexError: list index out of range"),
        (FileNotFoundError(2, "No such file", "a.csv"), "FileNotFoundError: [Errno 2] No such file: 'a.csv'"),
        (RuntimeError("The shop did not answer."), "RuntimeError: The shop did not answer."),
        (BadZipFile("File is not a zip file"), "BadZipFile: File is not a zip file"),
        (StopIteration(), "StopIteration"),
        (AssertionError(), "AssertionError"),
        (NotImplementedError(), "NotImplementedError"),
        (Empty(), "Empty"),
    ],
)
def test_an_unexpected_error_is_named(error: Exception, reason: str) -> None:
    key, _parameters = translation_of(error)
    shown = explained(Status.FAILED, sentence_of(error), key=key)
    assert shown.reason == f"Unexpected error: {reason}"
    assert "If the cause may be temporary" in shown.advice[0]


@pytest.mark.parametrize("text", ["KeyError: 'vat_rate'", "AssertionError", "StopIteration", "ReadTimeout: 30 s"])
def test_an_error_that_was_stored_without_its_key_is_named_too(text: str) -> None:
    assert explained(Status.FAILED, text).reason == f"Unexpected error: {text}"


def test_the_advice_depends_on_the_job() -> None:
    assert "only the child jobs" in explained(Status.FAILED, "KeyError: 'sku'", parts=3).advice[0]
    assert "Retry it" in explained(Status.FAILED, "1 of 3 child jobs failed.", parts=3).advice[0]
    child = explained(Status.FAILED, "KeyError: 'sku'", root_id=uuid4())
    assert "If the cause may be temporary, retry it" in child.advice[0], "its own button is active"
    assert "This is a child job" in explained(Status.FAILED, root_id=uuid4(), may_retry=False).advice[0]
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
