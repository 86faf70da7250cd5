"""Approvals: what waits for the account, and the decisions that the pages have."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from webapp.accounts.tokens import Scope
from webapp.api.job_document import JobDocument, job_document
from webapp.api.lists import LimitQuery, Page
from webapp.api.operations import Answer, Operations
from webapp.api.problems import InvalidInput
from webapp.api.resources.jobs import JOB
from webapp.jobs.approvals.decisions import REASON_LIMIT, checked_reason
from webapp.jobs.model.job import BadRequest
from webapp.views.job import actions, approvals
from webapp.views.page.request import job_policy, services

operations = Operations("approvals")
_CHANGED = Answer(model=JobDocument, description="The job after the decision.")


class ApprovalBody(BaseModel):
    """What was seen of the job."""

    model_config = ConfigDict(extra="forbid")

    version: int | None = Field(
        default=None,
        description="Refuse the decision unless the job still has this version, whose input was read.",
    )


class RejectionBody(ApprovalBody):
    """What was seen of the job, and why it must not start."""

    reason: str = Field(
        max_length=4 * REASON_LIMIT, description=f"At most {REASON_LIMIT} characters. The owner of the job sees it."
    )


@operations.add(
    "GET",
    "/approvals",
    scope=Scope.READ,
    query=LimitQuery,
    answers={200: Answer(model=Page[JobDocument], description="Jobs, those that expire first before the others.")},
)
def list_approvals(query: LimitQuery) -> Any:
    """List the jobs that wait for the approval of the account.

    There is no next page: decide on these, and the others follow.
    """
    policy = job_policy()
    return {"items": [job_document(job, policy) for job in services().approvals.of(policy, query.limit)], "next": None}


@operations.add("POST", f"{JOB}/approve", scope=Scope.START, body=ApprovalBody, answers={200: _CHANGED})
def approve_job(job_id: UUID, body: ApprovalBody) -> Any:
    """Approve a job, so that it can start.

    If its input was changed since the `version` that you have read, the answer is 409 and nothing is changed.
    """
    return job_document(approvals.approve_job(job_id, body.version), job_policy())


@operations.add("POST", f"{JOB}/reject", scope=Scope.START, body=RejectionBody, answers={200: _CHANGED})
def reject_job(job_id: UUID, body: RejectionBody) -> Any:
    """Reject a job that waits for approval.

    It ends as `cancelled`, with the reason as its message.
    """
    actions.act_on(job_id, "reject")
    try:
        reason = checked_reason(body.reason)
    except BadRequest as error:
        raise InvalidInput({"pointer": "#/reason", "detail": str(error)}) from None
    return job_document(approvals.reject_job(job_id, reason, body.version), job_policy())
