from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

import pytest

from tests.jobs.conftest import Nothing
from webapp.jobs.definition.job_type import JobError
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model import diagnostics
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.model.json_values import NotStorable

Run = Callable[..., Job]
pytestmark = pytest.mark.usefixtures("database")


def test_a_warning_and_an_error_have_a_time_and_a_translation(run: Run) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        job.warn("3 rows were skipped.", "import.skipped", count=3)
        job.error("No rows.", key="import.empty")
        job.warn("odd")

    job = run(handler)
    skipped, odd = job.warnings
    assert {**skipped, "at": ""} == {
        "text": "3 rows were skipped.",
        "at": "",
        "key": "import.skipped",
        "parameters": {"count": 3},
    }
    assert datetime.fromisoformat(skipped["at"]).tzinfo is not None
    assert set(odd) == {"text", "at"}
    assert job.errors[0]["key"] == "import.empty"


def test_a_job_error_has_a_translation(run: Run) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        raise JobError("No rows in a.csv.", "import.empty", name="a.csv")

    job = run(handler)
    assert job.status is Status.FAILED
    error = job.errors[-1]
    assert (error["text"], error["key"], error["parameters"]) == (
        "No rows in a.csv.",
        "import.empty",
        {"name": "a.csv"},
    )


def test_a_job_whose_owner_is_missing_fails_with_a_known_key(run: Run, people: Callable[[], object]) -> None:
    job = run(nothing, owner=Owner(user_id=uuid4()))
    assert (job.status, job.errors[-1]["key"]) == (Status.FAILED, "owner_missing")


def nothing(job: JobContext, payload: Nothing) -> None:
    """Do nothing."""


@pytest.mark.parametrize("parameters", [{"x": object()}, {"x": "y" * 5000}, {"x": float("inf")}])
def test_parameters_that_cannot_be_stored_are_rejected(run: Run, parameters: dict[str, object]) -> None:
    def warns(job: JobContext, payload: Nothing) -> None:
        with pytest.raises(NotStorable, match="The parameters of a warning or an error"):
            job.warn("odd", "odd", **parameters)

    def raises(job: JobContext, payload: Nothing) -> None:
        raise JobError("odd", "odd", **parameters)

    assert run(warns).status is Status.COMPLETED
    failed = run(raises)
    assert failed.status is Status.FAILED
    assert "NotStorable" in failed.errors[-1]["text"] or "parameters of an error" in failed.errors[-1]["text"]


def test_a_very_long_text_is_cut() -> None:
    assert len(diagnostics.make_diagnostic("x" * 100_000)["text"]) == diagnostics.TEXT_LIMIT
