"""Actions on many jobs at once: the given ones, or all that match a filter."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from webapp.accounts.tokens import Scope
from webapp.accounts.validation import GROUP_LIMIT
from webapp.api.job_document import JobDocument, job_document, job_url
from webapp.api.operations import Answer, Operations, Reply
from webapp.api.problems import InvalidInput
from webapp.api.resources.jobs import JobListQuery, parse_query
from webapp.jobs.lifecycle.bulk_actions import BulkAction
from webapp.jobs.lifecycle.create import UnknownGroup
from webapp.views.job_list import bulk_actions
from webapp.views.page.request import job_policy, services

operations = Operations("bulk")


class BulkRequest(BaseModel):
    """An action, and either the jobs or a filter: that of the list of jobs, without its paging."""

    model_config = ConfigDict(extra="forbid")

    action: BulkAction
    ids: list[UUID] | None = Field(default=None, min_length=1, max_length=200)
    filter: JobListQuery | None = None
    scheduled: bool = Field(default=False, description="With a filter: stop scheduled jobs too.")
    group: str | None = Field(
        default=None,
        max_length=GROUP_LIMIT,
        description="With the action `share`: the group to share with.",
    )


class RefusedJob(BaseModel):
    """A job that the action does not apply to."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    reason: str


class BulkResult(BaseModel):
    """What became of the jobs. Jobs that do not exist or cannot be seen are in neither list."""

    model_config = ConfigDict(extra="forbid")

    done: list[UUID]
    refused: list[RefusedJob]


@operations.add(
    "POST",
    "/jobs/bulk",
    scope=Scope.START,
    body=BulkRequest,
    answers={
        200: Answer(model=BulkResult, description="The action was applied to the given jobs."),
        202: Answer(model=JobDocument, description="The job that applies it.", headers=("Location",)),
    },
)
def act_on_jobs(body: BulkRequest) -> Any:
    """Stop, retry, run again, share or delete many jobs.

    The given jobs at once, or all jobs that match a filter by a job of the type `bulk_action`, which is returned.
    """
    if (body.ids is None) == (body.filter is None):
        raise InvalidInput({"pointer": "#", "detail": "Send either ids or a filter."})
    if (body.action is BulkAction.SHARE) != bool(body.group):
        raise InvalidInput({"pointer": "#/group", "detail": "Send a group with the action share, and with no other."})
    try:
        return _apply(body)
    except UnknownGroup as error:
        raise InvalidInput({"pointer": "#/group", "detail": str(error)}) from None


def _apply(body: BulkRequest) -> Any:
    if body.ids is not None:
        sorted_jobs = bulk_actions.act_on_selection(body.action, body.ids, group=body.group)
        refused = [{"id": job.id, "reason": objection.value} for job, objection in sorted_jobs.unfit]
        return {"done": [job.id for job in sorted_jobs.fit], "refused": refused}
    criteria = parse_query(body.filter or JobListQuery()).criteria
    job = bulk_actions.act_on_matching(
        body.action, criteria, newest=_newest(), delayed=body.scheduled, group=body.group
    )
    return Reply(document=job_document(job, job_policy()), status=202, headers={"Location": job_url(job.id)})


def _newest() -> UUID:
    """Return the newest job that exists; an id that this process makes could be older, or newer than coming jobs."""
    return next((job.id for job in services().queries.all_jobs.newest(1)), UUID(int=0))
