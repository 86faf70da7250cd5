"""Flows as JSON, read and written."""

from typing import Any

import pytest
from pydantic import ValidationError

from webapp.jobs.flows.flow import Flow, FlowEdge, OnFailure
from webapp.jobs.flows.flow_document import FlowRequest, flow_document
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
GOOD: dict[str, Any] = {
    "title": "Month end",
    "jobs": [
        {"type": "nothing", "name": "last", "after": ["first", {"job": "second", "on_failure": "run"}], "tags": ["a"]},
        {"type": "nothing", "name": "first", "title": "The first"},
        {"type": "nothing", "name": "second"},
    ],
}


def test_a_document_describes_a_flow() -> None:
    flow = FlowRequest.model_validate(GOOD).flow()
    flow.check()
    assert flow.edges == [FlowEdge("first", "last"), FlowEdge("second", "last", OnFailure.RUN)]
    assert [job.choices for job in flow.jobs] == [{"tags": ["a"]}, {"title": "The first"}, {}]


@pytest.mark.parametrize(
    "bad",
    [
        {"title": "No jobs", "jobs": []},
        {"title": "", "jobs": [{"type": "nothing"}]},
        {"title": "Odd", "jobs": [{"type": "nothing", "colour": "red"}]},
        {"title": "Odd", "jobs": [{"type": "nothing", "after": [{"job": "a", "on_failure": "panic"}]}]},
    ],
)
def test_another_document_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FlowRequest.model_validate(bad)


def test_a_started_flow_is_written_with_its_edges(services: Services, diamond: Flow) -> None:
    document = flow_document(services.queries.flows.get(diamond.id))  # type: ignore[arg-type]
    assert (document["title"], document["status"], document["progress"]) == ("Diamond", "queued", 0.0)
    assert [(job["name"], job["after"]) for job in document["jobs"]][1:3] == [
        ("left", [{"job": "first", "on_failure": "cancel"}]),
        ("right", [{"job": "first", "on_failure": "cancel"}]),
    ]
