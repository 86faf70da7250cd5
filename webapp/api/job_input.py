"""What programs send to start a job: JSON, or multipart with files, which are streamed to disk like those of a form."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from flask import abort, request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from webapp.api.endpoint import KEY_HEADER, fingerprint_of, read_body
from webapp.api.json_body import parse_json, read_json
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.definition.upload_rules import upload_rules
from webapp.jobs.model.job import Job
from webapp.jobs.model.policies import OnDuplicate
from webapp.jobs.store.file_store import StoredFile
from webapp.views.forms.streaming_uploads import DiskUpload
from webapp.views.page.request import job_policy, services, viewer

JOB_PART = "job"
FOR_OPERATORS = ("queue", "priority", "max_attempts", "unique_key", "on_duplicate")


class JobRequest(BaseModel):
    """What to start. `queue`, `priority`, `max_attempts`, `unique_key` and `on_duplicate` are for operators."""

    model_config = ConfigDict(extra="forbid")

    type: Annotated[str, Field(min_length=1, max_length=80, description="The name of a job type.")]
    payload: dict[str, JsonValue] = Field(default_factory=dict, description="The input, as its job type declares it.")
    title: str | None = Field(default=None, max_length=200)
    tags: list[str] | None = Field(default=None, max_length=100, description="Up to 10 words to find the job again.")
    shared_with: str | None = Field(
        default=None, max_length=80, description="The name of a group of the account whose members can read the job."
    )
    run_at: AwareDatetime | None = Field(default=None, description="Start at this time.")
    delay: float | None = Field(default=None, ge=0, le=10**9, description="Start after this many seconds.")
    after: list[UUID] = Field(default_factory=list, max_length=100, description="Start when these jobs have completed.")
    on_finish: bool = Field(default=False, description="With `after`: start when they have ended in any way.")
    record_only: bool = Field(
        default=False, description="No worker runs it: your program does the work and reports it with PATCH."
    )
    queue: str | None = None
    priority: int | None = None
    max_attempts: int | None = None
    unique_key: str | None = None
    on_duplicate: OnDuplicate | None = None

    def choices(self) -> dict[str, Any]:
        """Return the options for `Jobs.create_job` that were given."""
        names = ("title", "tags", "shared_with", "run_at", "on_duplicate", *FOR_OPERATORS[:-1])
        found = {name: value for name in names if (value := getattr(self, name)) is not None}
        return found if self.delay is None else {**found, "delay": timedelta(seconds=self.delay)}


@dataclass(frozen=True, slots=True)
class JobInput:
    """What was sent: the job, its files by field, and the fingerprint of both."""

    job: JobRequest
    files: Mapping[str, list[StoredFile]] = field(default_factory=dict)
    fingerprint: bytes = b""

    def discard(self) -> None:
        """Delete the files, which no job has."""
        for files in self.files.values():
            for file in files:
                services().files.remove(file.id)


def read_job_input() -> JobInput:
    """Read the request: JSON, or a part ``job`` with JSON and parts with the files of the payload's fields."""
    if request.mimetype == "application/json":
        digest = fingerprint_of(request.get_data()) if KEY_HEADER in request.headers else b""
        return JobInput(read_body(JobRequest, read_json()), fingerprint=digest)
    if request.mimetype != "multipart/form-data":
        abort(415, "Send application/json, or multipart/form-data with a part “job” and one part per file.")
    return _multipart_input()


def expected_files() -> int:
    """Return how many files a request can have: as many as the form with the most files that the user can start."""
    return max(map(_count, _startable_types()), default=0)


def largest_input(*, largest: int) -> int:
    """Return how many bytes all files of a request can have: as many as the form that takes the most bytes."""
    return max((_total(job_type, largest) for job_type in _startable_types()), default=0)


def accepted_files(job_type: JobType, given: Mapping[str, list[StoredFile]]) -> Mapping[str, Any]:
    """Return the files as `Jobs.create_job` takes them: one for a field that takes one, or a list."""
    rules = upload_rules(job_type.payload_class)
    single = {name for name in given if name in rules and not rules[name].is_list and len(given[name]) == 1}
    return {name: files[0] if name in single else files for name, files in given.items()}


def referenced_jobs(new: JobRequest) -> list[Job] | None:
    """Return the jobs that must end first; None if the user cannot open one of them."""
    policy = job_policy()
    found = services().queries.lists.find_by_ids(viewer(), new.after) if new.after else {}
    jobs = [found[job_id] for job_id in new.after if job_id in found and policy.may_open(found[job_id])]
    return jobs if len(jobs) == len(new.after) else None


def _multipart_input() -> JobInput:
    sent, typed = request.files, request.form
    new = read_body(JobRequest, parse_json(typed.get(JOB_PART, "{}")))
    kept: dict[str, list[StoredFile]] = {}
    try:
        for name, part in sent.items(multi=True):
            if isinstance(part.stream, DiskUpload) and part.filename:
                kept.setdefault(name, []).append(part.stream.keep(part.filename))
    except BaseException:
        JobInput(new, kept).discard()
        raise
    digests = [f"{name}={file.name}:{file.sha256}".encode() for name, files in kept.items() for file in files]
    return JobInput(new, kept, fingerprint_of(typed.get(JOB_PART, "").encode(), *digests))


def _startable_types() -> Iterator[JobType]:
    policy = job_policy()
    return (job_type for job_type in services().registry if policy.may_start(job_type.name))


def _total(job_type: JobType, largest: int) -> int:
    return sum(rule.total_limit(largest) for rule in upload_rules(job_type.payload_class).values())


def _count(job_type: JobType) -> int:
    return sum(rule.max_files for rule in upload_rules(job_type.payload_class).values())
