"""Starting flows over the API, and what is refused: a sentence with its place, and nothing is written."""

from typing import Any

import pytest
from sqlalchemy import select

from tests.api.conftest import Program, errors_of
from tests.api.conftest import program as program  # noqa: PLC0414  (fixtures)
from tests.api.conftest import program_of as program_of  # noqa: PLC0414
from webapp.db.engine import reading
from webapp.schema import audit
from webapp.services import Services

EXPORT: dict[str, Any] = {"type": "job_history_export", "payload": {"format": "csv"}}


def body(*jobs: dict[str, Any]) -> dict[str, Any]:
    return {"title": "Flow", "jobs": list(jobs)}


def test_a_request_with_a_key_starts_one_flow(program: Program, services: Services) -> None:
    sent = body({**EXPORT, "name": "a"}, {**EXPORT, "name": "b", "after": ["a"]})
    first, second = (program.post("/flows", sent, headers={"Idempotency-Key": "one"}) for _ in range(2))
    assert (first.status_code, first.json["id"]) == (202, second.json["id"])
    assert len(services.queries.all_jobs.newest(10)) == 2
    found = program.get(f"/flows/{first.json['id']}")
    assert [job["status"] for job in found.json["jobs"]] == ["queued", "held"]
    assert (
        program.get(f"/flows/{first.json['id']}", headers={"If-None-Match": found.headers["ETag"]}).status_code == 304
    )
    with reading(services.engine) as connection:
        lines = connection.execute(select(audit.c.object_id).where(audit.c.action == "flow_start")).scalars().all()
    assert lines == [first.json["id"]]


@pytest.mark.parametrize(
    ("jobs", "pointer"),
    [
        ([{**EXPORT, "name": "a", "after": ["a"]}], "#/jobs/0/after"),
        ([EXPORT, EXPORT], "#/jobs/1/name"),
        ([{**EXPORT, "after": ["z"]}], "#/jobs/0/after/0"),
        ([EXPORT, {**EXPORT, "name": "b", "payload": {"format": "stone"}}], "#/jobs/1/payload/format"),
        ([{"type": "unknown"}], "#/jobs/0/type"),
        ([{"type": "maintenance"}], "#/jobs/0/type"),  # for operators
        ([{**EXPORT, "priority": 1}], "#/jobs/0/priority"),
        ([{**EXPORT, "after": 7}], "#/jobs/0/after"),
        ([], "#/jobs"),
    ],
)
def test_a_bad_flow_is_refused_with_its_place(
    program: Program, services: Services, jobs: list[dict[str, Any]], pointer: str
) -> None:
    answer = program.post("/flows", body(*jobs))
    assert (answer.status_code, list(errors_of(answer))) == (422, [pointer])
    assert services.queries.all_jobs.newest(1) == ()


def test_a_disabled_type_is_refused(program: Program, services: Services) -> None:
    services.disabled_types.disable("job_history_export", reason="Moving")
    assert program.post("/flows", body(EXPORT)).status_code == 409
