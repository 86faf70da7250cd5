"""Errors: the failures that have a cause in common."""

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from webapp.accounts.permissions import Right
from webapp.accounts.tokens import Scope
from webapp.api.job_document import JobDocument, job_document
from webapp.api.lists import LINK, LimitQuery, Page, page_reply
from webapp.api.operations import Answer, Operations
from webapp.jobs.metrics.error_groups import ErrorGroup, ErrorState
from webapp.jobs.model.job import Job
from webapp.views.admin import errors
from webapp.views.page.permissions import demand
from webapp.views.page.request import job_policy, services

operations = Operations("errors")
ERROR = "/errors/<fingerprint>"
_SEE = Right.SEE_INSTALLATION


class ErrorDocument(BaseModel):
    """An error. Its message and place are empty for accounts that may not see those of its job type."""

    model_config = ConfigDict(extra="forbid")

    fingerprint: str
    type: str
    message: str
    place: str
    sample_job_id: UUID
    count: int
    users: int
    first_seen_at: AwareDatetime
    last_seen_at: AwareDatetime
    state: Literal["open", "resolved", "ignored"]
    state_at: AwareDatetime | None
    state_by: UUID | None


class ErrorsQuery(LimitQuery):
    """Which errors."""

    state: Literal["open", "resolved", "ignored", "all"] = Field(
        default="open", description="Only errors in this state."
    )
    type: str = Field(default="", max_length=80, description="The name of a job type.")
    since: AwareDatetime | None = Field(default=None, description="Seen since this time.")
    before: str = Field(default="", max_length=80, description="The next page, from `next`.")


class RetriedJobs(BaseModel):
    """The jobs that were retried, or the job that retries very many."""

    model_config = ConfigDict(extra="forbid")

    retried: list[UUID]
    job: JobDocument | None


_FOUND = Answer(model=ErrorDocument, description="The error.")


@operations.add(
    "GET",
    "/errors",
    scope=Scope.READ,
    right=_SEE,
    query=ErrorsQuery,
    answers={200: Answer(model=Page[ErrorDocument], description="Errors, the last seen first.", headers=LINK)},
)
def list_errors(query: ErrorsQuery) -> Any:
    """List the errors."""
    state = None if query.state == "all" else ErrorState(query.state)
    found = services().metrics.errors.page(
        state=state,
        type_name=query.type,
        since=query.since,
        before=errors.page_boundary(query.before),
        limit=query.limit + 1,
    )
    shown = found[: query.limit]
    following = {"before": errors.boundary_text(shown[-1])} if len(found) > query.limit else None
    return page_reply([_document(group) for group in shown], following=following)


@operations.add("GET", ERROR, scope=Scope.READ, right=_SEE, answers={200: _FOUND})
def get_error(fingerprint: str) -> Any:
    """Get an error."""
    return _document(services().metrics.errors.get(fingerprint))


def _add_settlements() -> None:
    """Declare the three states that operators give to an error."""
    texts = {
        "resolve": ("Mark an error as fixed.\n\nIt opens again if it happens again.", ErrorState.RESOLVED),
        "ignore": ("Ignore an error.", ErrorState.IGNORED),
        "reopen": ("Open an error again.", ErrorState.OPEN),
    }
    for verb, (text, state) in texts.items():
        declare = operations.add(
            "POST", f"{ERROR}/{verb}", scope=Scope.OPERATE, right=Right.SETTLE_ERRORS, answers={200: _FOUND}
        )
        declare(_settlement(verb, text, state))


def _settlement(verb: str, text: str, state: ErrorState) -> Any:
    def settle(fingerprint: str) -> Any:
        errors.settle_error(fingerprint, state)
        return get_error(fingerprint)

    settle.__name__, settle.__doc__ = f"{verb}_error", text
    return settle


_add_settlements()


@operations.add(
    "POST",
    f"{ERROR}/retry",
    scope=Scope.OPERATE,
    right=_SEE,
    answers={200: Answer(model=RetriedJobs, description="The jobs were retried.")},
)
def retry_error(fingerprint: str) -> Any:
    """Retry every job that failed with an error and was not retried since."""
    demand(Right.ACT_ON_ALL_JOBS)
    result = errors.retry_error(fingerprint)
    if isinstance(result, Job):
        return {"retried": [], "job": job_document(result, job_policy())}
    return {"retried": [job.id for job in result.fit], "job": None}


def _document(group: ErrorGroup) -> dict[str, Any]:
    document = {name: getattr(group, name) for name in ErrorDocument.model_fields}
    return {**document, "message": "", "place": ""} if group.type in job_policy().unopened_types else document
