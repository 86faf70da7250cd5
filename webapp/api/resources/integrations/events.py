"""The events of all jobs that the account can see, by long poll."""

from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from webapp.accounts.tokens import Scope
from webapp.api.lists import LimitQuery
from webapp.api.long_poll import wait_for
from webapp.api.operations import Answer, Operations
from webapp.jobs.model.job_policy import JobPolicy
from webapp.jobs.queries.event_feed import EventPage, FeedEvent
from webapp.views.page.request import job_policy, services, viewer

operations = Operations("events")
_LONGEST = 25
_LOOK_SECONDS = 0.1  # a check without news is one small statement


class JobEventDocument(BaseModel):
    """An event of a job. `detail` is empty if the account may not open the job."""

    model_config = ConfigDict(extra="forbid")

    id: int
    job_id: UUID
    type: str
    title: str
    at: AwareDatetime
    name: str
    attempt: int
    actor_id: UUID | None
    detail: str


class EventsDocument(BaseModel):
    """Events, oldest first, and the number to continue after."""

    model_config = ConfigDict(extra="forbid")

    items: list[JobEventDocument]
    last: int = Field(description="Send it as `after` to get the events that follow.")


class EventsQuery(LimitQuery):
    """Which events, and how long to wait for them."""

    after: int | None = Field(
        default=None, ge=0, le=2**63 - 1, description="Events after this one. Without it, only `last` is returned."
    )
    wait: float = Field(default=0, ge=0, le=_LONGEST, description="Wait at most this many seconds for an event.")


@operations.add(
    "GET",
    "/events",
    scope=Scope.READ,
    query=EventsQuery,
    answers={200: Answer(model=EventsDocument, description="Events, or none if nothing happened in time.")},
)
def follow_events(query: EventsQuery) -> Any:
    """Follow the events of all jobs that the account can see.

    Begin without `after`, then ask again with `after` set to `last`, and `wait` to get an answer as soon as something
    happens. Only some requests can wait at once; others get 503 with `Retry-After`. No event is missed or repeated.
    """
    feed, who, policy = services().queries.events, viewer(), job_policy()
    after = query.after
    if after is None:
        return {"items": [], "last": feed.latest()}
    page = wait_for(lambda: _news(feed.after(who, after, query.limit)), query.wait, every=_LOOK_SECONDS)
    page = page or feed.after(who, after, query.limit)
    return {"items": [_document(event, policy) for event in page.events], "last": page.last}


def _news(page: EventPage) -> EventPage | None:
    return page if page.events else None


def _document(event: FeedEvent, policy: JobPolicy) -> dict[str, Any]:
    shared = policy.is_shared(event.shared_with, event.tenant)
    opens = policy.opens(event.type, event.owner_id, event.triggered_by, shared=shared)
    document = {name: getattr(event, name) for name in JobEventDocument.model_fields}
    return document if opens else {**document, "detail": ""}
