"""The comparison of two runs."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from tests.jobs.execution.conftest import create  # noqa: F401  (a fixture)
from webapp.jobs import JobContext
from webapp.jobs.model.job import Job
from webapp.jobs.run_comparison import HIDDEN, ComparedValue, Part, compare_runs
from webapp.services import Services


class Place(BaseModel):
    town: str


class Payload(BaseModel):
    place: Place
    rows: int
    key: SecretStr


def handler(job: JobContext, payload: Payload) -> None:
    job.step("count", lambda: payload.rows)
    job.attach("rows.txt", "x" * payload.rows)
    job.attach("same.txt", "same")
    job.message(f"{payload.rows} rows")
    job.save_metadata({"found": {"rows": payload.rows}})
    if payload.rows > 2:
        job.warn("many")


@pytest.fixture
def compared(
    services: Services,
    create: Callable[..., Any],  # noqa: F811
    run_jobs: Callable[[], int],
) -> dict[tuple[Part, str], ComparedValue]:
    jobs = [create(handler, {"place": {"town": "Rome"}, "rows": rows, "key": f"secret {rows}"}) for rows in (2, 3)]
    run_jobs()
    first, second = (services.jobs.get(job.id) for job in jobs)
    return {(value.part, value.name): value for value in compare_runs(services.queries, first, second)}


def test_values_are_compared_by_their_paths(compared: dict[tuple[Part, str], ComparedValue]) -> None:
    values = {key: (value.first, value.second) for key, value in compared.items() if key[0] is not Part.FILES}
    for key in ((Part.RUN, "waited"), (Part.RUN, "ran"), (Part.STEPS, "count")):
        assert all(seconds >= 0 for seconds in values.pop(key))
    assert values == {
        (Part.RUN, "status"): ("completed", "completed"),
        (Part.RUN, "owner"): (None, None),
        (Part.RUN, "attempts"): (1, 1),
        (Part.INPUT, "place.town"): ("Rome", "Rome"),
        (Part.INPUT, "rows"): (2, 3),
        (Part.INPUT, "key"): (HIDDEN, HIDDEN),
        (Part.RESULT, "message"): ("2 rows", "3 rows"),
        (Part.RESULT, "warnings"): (0, 1),
        (Part.RESULT, "error"): (None, None),
        (Part.RESULT, "found.rows"): (2, 3),
    }


def test_files_are_compared_by_size_and_content(compared: dict[tuple[Part, str], ComparedValue]) -> None:
    rows, same = compared[Part.FILES, "rows.txt"], compared[Part.FILES, "same.txt"]
    assert (rows.differs, rows.first["size"], rows.second["size"]) == (True, 2, 3)
    assert not same.differs


def test_an_upload_is_one_value(services: Services, make: Callable[..., Job]) -> None:
    upload = {"name": "a.csv", "size": 1, "sha256": "00"}
    first, second = (replace(make(), payload={"file": {**upload, "name": name}}) for name in ("a.csv", "b.csv"))
    values = [value for value in compare_runs(services.queries, first, second) if value.part is Part.INPUT]
    assert [(value.name, value.first, value.differs) for value in values] == [("file", upload, True)]
