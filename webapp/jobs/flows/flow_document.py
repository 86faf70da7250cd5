"""Flows as JSON: what programs and files describe, and what they are told of a flow that is started."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from webapp.jobs.flows.flow import MOST_JOBS, NAME_LIMIT, Flow, OnFailure
from webapp.jobs.flows.flow_queries import FlowSummary, StartedFlow

_Name = Annotated[str, Field(min_length=1, max_length=NAME_LIMIT)]
FOR_OPERATORS = ("queue", "priority", "max_attempts", "unique_key")
_CHOICES = ("title", "tags", "run_at", *FOR_OPERATORS)


class FlowEdgeRequest(BaseModel):
    """A job that must end first, and what happens if it does not complete."""

    model_config = ConfigDict(extra="forbid")

    job: _Name = Field(description="The name of a job of the flow.")
    on_failure: OnFailure = Field(
        default=OnFailure.CANCEL,
        description="`cancel` this job, `run` it all the same, or let it `wait` until the other one is retried.",
    )


class FlowJobRequest(BaseModel):
    """A job of the flow. `queue`, `priority`, `max_attempts` and `unique_key` are for operators."""

    model_config = ConfigDict(extra="forbid")

    type: Annotated[str, Field(min_length=1, max_length=80, description="The name of a job type.")]
    name: _Name | None = Field(default=None, description="Unique in the flow; by default the name of the type.")
    payload: dict[str, JsonValue] = Field(default_factory=dict, description="The input, as its job type declares it.")
    after: list[_Name | FlowEdgeRequest] = Field(
        default_factory=list, max_length=MOST_JOBS, description="The jobs that must end first: names, or objects."
    )
    title: str | None = Field(default=None, max_length=200)
    tags: list[str] | None = Field(default=None, max_length=100)
    run_at: AwareDatetime | None = Field(default=None, description="Start at this time or later.")
    queue: str | None = None
    priority: int | None = None
    max_attempts: int | None = None
    unique_key: str | None = None


class FlowRequest(BaseModel):
    """A graph of jobs, which are created together or not at all."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[str, Field(min_length=1, max_length=200)]
    jobs: Annotated[list[FlowJobRequest], Field(min_length=1, max_length=MOST_JOBS)]

    def flow(self) -> Flow:
        """Return the flow that is described."""
        flow = Flow(self.title)
        for each in self.jobs:
            choices = {name: value for name in _CHOICES if (value := getattr(each, name)) is not None}
            job = flow.spawn(each.type, each.payload, name=each.name, **choices)
            for edge in each.after:
                known = FlowEdgeRequest(job=edge) if isinstance(edge, str) else edge
                job.after(known.job, on_failure=known.on_failure)
        return flow


def flow_summary_document(flow: FlowSummary) -> dict[str, Any]:
    """Return a flow of a list as values that JSON can hold."""
    names = ("id", "title", "owner_id", "triggered_by", "created_at")
    counts = {status.value: count for status, count in flow.counts.items()}
    return {**{name: getattr(flow, name) for name in names}, "status": flow.status.value, "counts": counts}


def flow_document(flow: StartedFlow) -> dict[str, Any]:
    """Return a started flow as values that JSON can hold, times and ids as they are."""
    after: Mapping[str, list[dict[str, str]]] = {member.name: [] for member in flow.members}
    for edge in flow.edges:
        after[edge.after].append({"job": edge.before, "on_failure": edge.on_failure.value})
    return {
        "id": flow.id,
        "title": flow.title,
        "status": flow.status.value,
        "progress": round(flow.progress, 1),
        "owner_id": flow.owner_id,
        "triggered_by": flow.triggered_by,
        "started_by_job": flow.started_by_job,
        "created_at": flow.created_at,
        "jobs": [
            {
                "name": member.name,
                "after": after[member.name],
                **{
                    name: getattr(member.job, name)
                    for name in ("id", "type", "title", "progress", "attempt_number", "started_at", "finished_at")
                },
                "status": member.job.status.value,
            }
            for member in flow.members
        ],
    }
