"""What happened to a job: its log, events, steps, attempts and child jobs."""

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from webapp.accounts.tokens import Scope
from webapp.api.job_document import JobDocument, job_document
from webapp.api.lists import LINK, LimitQuery, Page, page_reply
from webapp.api.operations import Answer, Operations, Reply
from webapp.api.resources.files import JOB, openable
from webapp.jobs.execution.process_snapshots.snapshot_store import ProcessSnapshot
from webapp.jobs.model.job import Status
from webapp.jobs.queries.log_lines import LogCriteria
from webapp.jobs.run_comparison import Part, compare_runs
from webapp.views.job.history import comparison, process_snapshots
from webapp.views.page.request import job_policy, services, viewer

operations = Operations("history")
_MOST_LINES = 1000


class LogLineDocument(BaseModel):
    """A line of a log."""

    model_config = ConfigDict(extra="forbid")

    id: int
    attempt: int
    at: AwareDatetime
    level: str
    text: str


class LogQuery(LimitQuery):
    """Which lines of a log."""

    limit: int = Field(default=500, ge=1, le=_MOST_LINES, description="At most this many items.")
    after: int = Field(default=0, ge=0, le=2**63 - 1, description="Lines after this one: the next page.")
    level: Literal["", "WARNING", "ERROR", "OUTPUT"] = Field(default="", description="Lines of this level and above.")
    attempt: int | None = Field(default=None, ge=1, le=2**31 - 1, description="Only lines of this attempt.")


class EventDocument(BaseModel):
    """An event of a job. `actor_id` is the user who caused it; `detail` can name the API token.

    `request_id` is the id of the HTTP request that caused it, as the logs have it.
    """

    model_config = ConfigDict(extra="forbid")

    at: AwareDatetime
    name: str
    attempt: int
    actor_id: UUID | None
    detail: str
    request_id: str | None


class AttemptDocument(BaseModel):
    """An ended attempt. Where it ran and its traceback are for those who see the installation."""

    model_config = ConfigDict(extra="forbid")

    number: int
    outcome: str
    started_at: AwareDatetime
    finished_at: AwareDatetime
    error: str | None
    worker: str
    host: str
    pid: int | None
    traceback: str | None
    peak_memory: int | None = Field(description="Bytes.")
    cpu_seconds: float | None
    longest_silence: float | None = Field(description="The most seconds between two reports.")


class ThreadDocument(BaseModel):
    """A thread of a process. The first one is that of the handler; the last line is where it is."""

    model_config = ConfigDict(extra="forbid")

    name: str
    stack: str


class SnapshotContent(BaseModel):
    """What a process did."""

    model_config = ConfigDict(extra="forbid")

    pid: int
    state: str = Field(description="Such as running, sleeping, disk-sleep or stopped.")
    memory: int = Field(description="Bytes.")
    cpu_seconds: float
    files: list[str]
    connections: list[str]
    children: list[str]
    threads: list[ThreadDocument]


class SnapshotDocument(BaseModel):
    """A look at the process of a running job, or the request for one.

    Without `taken_at` and `note`, the answer follows within seconds. `note` says why it is missing or incomplete.
    """

    model_config = ConfigDict(extra="forbid")

    id: UUID
    attempt: int
    worker: str
    host: str
    requested_at: AwareDatetime
    requested_by: UUID | None
    taken_at: AwareDatetime | None
    note: str
    content: SnapshotContent | None


class ChildrenQuery(LimitQuery):
    """Which child jobs."""

    after: UUID | None = Field(default=None, description="Child jobs after this one: the next page.")
    status: Status | None = Field(default=None, description="Only jobs in this status.")


class ComparedDocument(BaseModel):
    """A value of both jobs; null if a job has none."""

    model_config = ConfigDict(extra="forbid")

    part: Part
    name: str = Field(description="A field of the input has its path with dots, an output file or a step its name.")
    first: JsonValue = Field(description="Durations are in seconds; a file has its `size` and `sha256`.")
    second: JsonValue
    differs: bool


class StepDocument(BaseModel):
    """A step of a job that has ended."""

    model_config = ConfigDict(extra="forbid")

    name: str
    attempt: int = Field(description="The start of the job that ran it; 0 if it was taken over from the job before.")
    started_at: AwareDatetime
    finished_at: AwareDatetime
    result: JsonValue


@operations.add(
    "GET",
    f"{JOB}/log",
    scope=Scope.READ,
    query=LogQuery,
    answers={200: Answer(model=Page[LogLineDocument], description="The lines, oldest first.", headers=LINK)},
)
def read_log(job_id: UUID, query: LogQuery) -> Any:
    """Read the log of a job.

    To follow it, ask again with `after` set to the id of the last line until the job has ended.
    """
    job = openable(job_id)
    criteria = LogCriteria(job_id=job.id, level=query.level, attempt=query.attempt, after=query.after)
    found = services().queries.logs.first_lines(criteria, query.limit + 1)
    shown = [_line(line) for line in found[: query.limit]]
    return page_reply(shown, following={"after": shown[-1]["id"]} if len(found) > query.limit else None)


@operations.add(
    "GET",
    f"{JOB}/events",
    scope=Scope.READ,
    answers={200: Answer(model=Page[EventDocument], description="All events, oldest first.")},
)
def list_job_events(job_id: UUID) -> Any:
    """List the events of a job."""
    job = openable(job_id)
    names = EventDocument.model_fields
    events = services().queries.jobs.timeline(job.id)
    return page_reply([{name: getattr(event, name) for name in names} for event in events], following=None)


@operations.add(
    "GET",
    f"{JOB}/attempts",
    scope=Scope.READ,
    answers={200: Answer(model=Page[AttemptDocument], description="The ended attempts, oldest first.")},
)
def list_attempts(job_id: UUID) -> Any:
    """List the ended attempts of a job."""
    job = openable(job_id)
    hidden = {} if job_policy().sees_all else {"worker": "", "host": "", "pid": None, "traceback": None}
    names = AttemptDocument.model_fields
    found = services().queries.jobs.attempts(job.id)
    return page_reply(
        [{**{name: getattr(attempt, name) for name in names}, **hidden} for attempt in found], following=None
    )


@operations.add(
    "GET",
    f"{JOB}/steps",
    scope=Scope.READ,
    answers={200: Answer(model=Page[StepDocument], description="The ended steps, oldest first.")},
)
def list_steps(job_id: UUID) -> Any:
    """List the steps of a job, with the results that they keep."""
    names = StepDocument.model_fields
    steps = services().queries.steps.of(openable(job_id).id)
    return page_reply([{name: getattr(step, name) for name in names} for step in steps], following=None)


@operations.add(
    "GET",
    f"{JOB}/compare/<uuid:other_id>",
    scope=Scope.READ,
    answers={200: Answer(model=Page[ComparedDocument], description="All values, part by part.")},
)
def compare_jobs(job_id: UUID, other_id: UUID) -> Any:
    """Compare two jobs: how they ran, their input, their results, their output files and their steps.

    Secrets are hidden, and are not compared.
    """
    values = compare_runs(services().queries, *comparison.openable_runs(job_id, other_id))
    names = ComparedDocument.model_fields
    return page_reply([{name: getattr(value, name) for name in names} for value in values], following=None)


@operations.add(
    "POST",
    f"{JOB}/stack",
    scope=Scope.START,
    answers={202: Answer(model=SnapshotDocument, description="The worker was asked.")},
)
def take_snapshot(job_id: UUID) -> Any:
    """Ask where a running job hangs.

    Its worker looks at the stack, the memory, the open files and the connections of the process, without disturbing
    the job. Get the answer from the list.
    """
    return Reply(document=_snapshot(process_snapshots.request_snapshot(job_id)), status=202)


@operations.add(
    "GET",
    f"{JOB}/stack",
    scope=Scope.READ,
    answers={200: Answer(model=Page[SnapshotDocument], description="The last looks, newest first.")},
)
def list_snapshots(job_id: UUID) -> Any:
    """List what the process of a job did when operators asked."""
    job = process_snapshots.readable_job(job_id)
    return page_reply([_snapshot(each) for each in services().process_snapshots.of_job(job)], following=None)


@operations.add(
    "GET",
    f"{JOB}/children",
    scope=Scope.READ,
    query=ChildrenQuery,
    answers={200: Answer(model=Page[JobDocument], description="The child jobs, oldest first.", headers=LINK)},
)
def list_children(job_id: UUID, query: ChildrenQuery) -> Any:
    """List the child jobs of a job."""
    job = services().queries.jobs.get_visible(viewer(), job_id)
    found = services().queries.related.children(
        job.id, after=query.after, statuses=[query.status] if query.status else [], limit=query.limit + 1
    )
    shown = found[: query.limit]
    documents = [job_document(child, job_policy()) for child in shown]
    return page_reply(documents, following={"after": shown[-1].id} if len(found) > query.limit else None)


def _line(line: Any) -> dict[str, Any]:
    return {name: getattr(line, name) for name in LogLineDocument.model_fields}


def _snapshot(snapshot: ProcessSnapshot) -> dict[str, Any]:
    values = {name: getattr(snapshot, name) for name in SnapshotDocument.model_fields}
    return {**values, "content": snapshot.content or None}
