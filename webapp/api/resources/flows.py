"""Flows: graphs of jobs that are started together, followed, stopped and retried as a whole."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import request
from pydantic import BaseModel, ConfigDict, Field

from webapp.accounts.tokens import Scope
from webapp.api.endpoint import KEY_HEADER, fingerprint_of, unique_request_key
from webapp.api.job_document import job_url, tag_of
from webapp.api.lists import LINK, LimitQuery, Page, page_reply
from webapp.api.operations import Answer, Operations, Reply
from webapp.jobs.flows.flow import OnFailure
from webapp.jobs.flows.flow_document import FlowRequest, flow_document, flow_summary_document
from webapp.jobs.flows.flow_queries import StartedFlow
from webapp.jobs.model.job import Status
from webapp.views.flow.flow_actions import RETRY, STOP, act_on_flow, start_flow, visible_flow
from webapp.views.page.problem_details import API_ROOT
from webapp.views.page.public_path import public_url_of
from webapp.views.page.request import services, signed_in, viewer

operations = Operations("flows")
FLOW = "/flows/<uuid:flow_id>"


class FlowEdgeDocument(BaseModel):
    """A job of the flow that another one follows."""

    model_config = ConfigDict(extra="forbid")

    job: str
    on_failure: OnFailure


class FlowJobDocument(BaseModel):
    """A job of the flow; `url` leads to everything else about it."""

    model_config = ConfigDict(extra="forbid")

    name: str
    id: UUID
    url: str
    type: str
    title: str
    status: Status
    progress: float = Field(ge=0, le=100, description="Per cent.")
    attempt_number: int
    started_at: datetime | None
    finished_at: datetime | None
    after: list[FlowEdgeDocument]


class FlowDocument(BaseModel):
    """A flow with the jobs that the account can see, in the order of their description."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    url: str = Field(description="The path of this flow in the API.")
    page: str = Field(description="The path of its page.")
    title: str
    status: Status = Field(description="Queued or running until all jobs have ended, then the worst of their statuses.")
    progress: float = Field(ge=0, le=100, description="Per cent; each job counts the same.")
    owner_id: UUID | None = Field(description="Null for the system.")
    triggered_by: UUID | None
    started_by_job: UUID | None = Field(description="The job whose handler started it.")
    created_at: datetime
    jobs: list[FlowJobDocument]


class FlowListQuery(LimitQuery):
    """Where the page begins."""

    before: UUID | None = Field(default=None, description="Flows older than this one: the next page.")


class FlowSummaryDocument(BaseModel):
    """A flow in a list; `counts` says how many of its jobs have which status."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    url: str
    page: str
    title: str
    status: Status
    owner_id: UUID | None
    triggered_by: UUID | None
    created_at: datetime
    counts: dict[Status, int]


_FOUND = Answer(model=FlowDocument, description="The flow.", headers=("ETag",))
_CHANGED = Answer(model=FlowDocument, description="The flow after the change.")


@operations.add(
    "GET",
    "/flows",
    scope=Scope.READ,
    query=FlowListQuery,
    answers={200: Answer(model=Page[FlowSummaryDocument], description="Flows, newest first.", headers=LINK)},
)
def list_flows(query: FlowListQuery) -> Any:
    """List the flows whose jobs the account can see."""
    found = services().queries.flows.newest(viewer(), limit=query.limit + 1, before=query.before)
    shown, more = found[: query.limit], len(found) > query.limit
    items = [{**flow_summary_document(flow), **_addresses(flow.id)} for flow in shown]
    return page_reply(items, following={"before": shown[-1].id} if more else None)


@operations.add(
    "POST",
    "/flows",
    scope=Scope.START,
    body=FlowRequest,
    answers={202: Answer(model=FlowDocument, description="All jobs were created.", headers=("Location",))},
)
def create_flow(body: FlowRequest) -> Any:
    """Start a flow.

    All jobs are created in one transaction, or none: a circle, a name that is used twice, an unknown name or a payload
    that does not fit is refused with 422 and the place, such as `#/jobs/3/after/0`. With the header
    `Idempotency-Key`, a request that is sent again starts nothing and gets the same answer.
    """
    key = request.headers.get(KEY_HEADER)
    engine_key = key and unique_request_key(signed_in().id, key, fingerprint_of(request.get_data()))
    flow_id = start_flow(body, engine_key).id
    assert flow_id is not None  # noqa: S101  (a flow that is started has an id)
    return Reply(document=_document(visible_flow(flow_id)), status=202, headers={"Location": _url(flow_id)})


@operations.add("GET", FLOW, scope=Scope.READ, answers={200: _FOUND, 304: Answer(description="Nothing has changed.")})
def get_flow(flow_id: UUID) -> Any:
    """Get a flow with the status of each of its jobs.

    With `If-None-Match`, the answer is an empty 304 while nothing has changed.
    """
    flow = visible_flow(flow_id)
    tag = tag_of(flow.id, tuple((job.id, job.version, job.status) for job in flow.jobs))
    if request.headers.get("If-None-Match") == tag:
        return Reply(status=304, headers={"ETag": tag})
    return Reply(document=_document(flow), headers={"ETag": tag})


@operations.add("POST", f"{FLOW}/cancel", scope=Scope.START, answers={200: _CHANGED})
def cancel_flow(flow_id: UUID) -> Any:
    """Stop the rest of a flow.

    Jobs that wait are stopped at once, running ones when they respond. If all have ended, the answer is 409.
    """
    act_on_flow(flow_id, STOP)
    return _document(visible_flow(flow_id))


@operations.add("POST", f"{FLOW}/retry", scope=Scope.START, answers={200: _CHANGED})
def retry_flow(flow_id: UUID) -> Any:
    """Retry what did not complete of a flow.

    Failed, stopped and lost jobs run again in the order of the flow: those that follow others wait for them again. If
    there are none, the answer is 409.
    """
    act_on_flow(flow_id, RETRY)
    return _document(visible_flow(flow_id))


def _document(flow: StartedFlow) -> dict[str, Any]:
    document = flow_document(flow)
    for job in document["jobs"]:
        job["url"] = job_url(job["id"])
    return {**document, **_addresses(flow.id)}


def _addresses(flow_id: UUID) -> dict[str, str]:
    return {"url": _url(flow_id), "page": public_url_of(f"/flows/{flow_id}")}


def _url(flow_id: UUID) -> str:
    return public_url_of(f"{API_ROOT}/flows/{flow_id}")
