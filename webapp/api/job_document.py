"""A job as the API shows it: every field of `Job`, as `deskjob job show --json` prints them, for those who may open it.

The model is for the documentation and for tests. The documents are plain dicts: building fifty models for a list would
take longer than reading the rows.
"""

from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from webapp.jobs.definition.payload import is_secret
from webapp.jobs.model.job import Job, Status
from webapp.jobs.model.job_policy import JobPolicy
from webapp.views.page.problem_details import API_ROOT
from webapp.views.page.public_path import public_url_of

HIDDEN_SECRET = {"$secret": "hidden"}
_CLOSED: dict[str, Any] = {  # what a job read and wrote, for those who may not open it
    **{name: {} for name in ("payload", "metadata", "state")},
    **dict.fromkeys(("warnings", "errors"), ()),
    **dict.fromkeys(("unique_key", "next_key", "child_name", "rate_key", "shared_with"), None),
    "message": "",
}


class OwnerDocument(BaseModel):
    """The owner of a job; without a `user_id`, the system."""

    model_config = ConfigDict(extra="forbid")

    user_id: UUID | None
    public: bool
    tenant: str | None


class JobDocument(BaseModel):
    """A job. Times are in UTC; null means "not yet".

    What the job read and wrote (payload, messages, warnings, errors, metadata, checkpoint) is empty if the token's
    account may see the job but not open it. Secrets in the payload are replaced.
    """

    model_config = ConfigDict(extra="forbid")

    id: UUID
    url: str = Field(description="The path of this job in the API.")
    page: str = Field(description="The path of its page.")
    type: str
    title: str
    status: Status
    owner: OwnerDocument
    triggered_by: UUID | None
    payload: dict[str, JsonValue]
    progress: float = Field(ge=0, le=100, description="Per cent.")
    done: float | None
    total: float | None
    message: str
    warnings: list[dict[str, JsonValue]]
    errors: list[dict[str, JsonValue]]
    metadata: dict[str, JsonValue]
    state: dict[str, JsonValue] = Field(description="The checkpoint.")
    priority: int
    fair: int
    queue: str = Field(description="Empty for a record-only job, which no worker runs.")
    own_process: bool
    run_at: datetime | None
    unique_key: str | None
    next_key: str | None
    root_id: UUID | None = Field(description="The parent job, if this is a child job.")
    child_name: str | None
    parts: int = Field(description="The number of child jobs.")
    parts_completed: int
    parts_failed: int
    parts_cancelled: int
    parts_stale: int
    tolerant: bool
    has_dependents: bool
    record_only: bool
    again_of: UUID | None
    attempt: int
    attempt_number: int = Field(description="The attempt as pages count it.")
    max_attempts: int
    attempts_allowed: int
    uncounted_attempts: int
    interruptions: int
    lease_id: UUID | None
    created_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    heartbeat_at: datetime | None
    cancel_requested_at: datetime | None
    cancel_kind: str | None
    kept_at: datetime | None
    version: int
    tags: list[str]
    approval: Literal["pending", "approved", "rejected", "expired"] | None = Field(
        description="Null for a job that needs none. A held job with `pending` waits for it."
    )
    approval_ends_at: datetime | None
    asked_of: str | None = Field(
        description="Whom a held job has asked, and waits for the answer: `user:` and an id, `role:` and a role, or "
        "`group:` and a name. Null if it asks nobody."
    )
    edited_by: UUID | None = Field(description="Who last changed the input.")
    rate_key: str | None = Field(description="The key by which the rate of its type counts its starts.")
    shared_with: str | None = Field(
        description="The name of the group whose members can read it; null to those who may not open it."
    )
    may_start_at: datetime | None = Field(
        description="Of a single job that waits for the rate of its type: when it may start at the earliest, as far "
        "as is known. Null in lists."
    )
    done_with_warnings: bool


_FIELDS = tuple(name for name in JobDocument.model_fields if name not in {"url", "page", "owner", "may_start_at"})


def job_document(job: Job, policy: JobPolicy) -> dict[str, Any]:
    """Return a job for a user, as JSON values."""
    owner = job.owner
    document = {
        **{name: getattr(job, name) for name in _FIELDS},
        "url": job_url(job.id),
        "page": public_url_of(f"/jobs/{job.id}"),
        "may_start_at": None,
        "owner": {"user_id": owner.user_id, "public": owner.public, "tenant": owner.tenant},
    }
    if not policy.may_open(job):
        return document | _CLOSED
    document["payload"] = without_secrets(job.payload)
    return document


def job_url(job_id: UUID) -> str:
    """Return the path of a job in the API."""
    return public_url_of(f"{API_ROOT}/jobs/{job_id}")


def job_tag(job: Job, policy: JobPolicy) -> str:
    """Return the ETag of a job's document for a user."""
    return tag_of(job.id, job.version, job.status, policy.may_open(job))


def tag_of(*parts: object) -> str:
    """Return an ETag, with its quotes."""
    return f'"{blake2b(repr(parts).encode(), digest_size=12).hexdigest()}"'


def without_secrets(value: Any) -> Any:
    """Return a stored payload without its ciphertexts."""
    if isinstance(value, Mapping):
        if is_secret(value):
            return HIDDEN_SECRET
        return {name: without_secrets(item) for name, item in value.items()}
    return [without_secrets(item) for item in value] if isinstance(value, list) else value
