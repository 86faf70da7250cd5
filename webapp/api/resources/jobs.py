"""Jobs: list, start, get and delete them, and the actions that their pages have."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal
from uuid import UUID

from flask import Response, request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from webapp.accounts.bookmarks.saved_filters import FilterNotFound
from webapp.accounts.permissions import Right
from webapp.accounts.tokens import Scope
from webapp.api.endpoint import KEY_HEADER, answer_once, respond, unique_request_key
from webapp.api.job_document import JobDocument, job_document, job_tag, job_url, tag_of
from webapp.api.job_input import (
    FOR_OPERATORS,
    JobInput,
    JobRequest,
    accepted_files,
    read_job_input,
    referenced_jobs,
)
from webapp.api.lists import LINK, LimitQuery, Page, Query, page_reply
from webapp.api.long_poll import LONGEST, wait_for
from webapp.api.operations import Answer, Operations, Reply
from webapp.api.problems import InvalidInput
from webapp.jobs.editing.job_edit import JobEdit
from webapp.jobs.execution.by_hand.dry_run import TRACEBACK
from webapp.jobs.lifecycle.create import UnknownGroup
from webapp.jobs.model.job import BadRequest, Job, Status
from webapp.jobs.model.tags import InvalidTags, clean_tags
from webapp.jobs.store.step_rows import NAME_LIMIT
from webapp.views.edit_job import waiting_job
from webapp.views.job import actions, dry_run
from webapp.views.job_list.admin_filter import AdminJobFilter
from webapp.views.job_list.filter import Filter, ParsedFilter, parse_filter
from webapp.views.page.audit_log import record_creation
from webapp.views.page.permissions import may
from webapp.views.page.request import job_policy, services, signed_in, viewer

operations = Operations("jobs")
JOB = "/jobs/<uuid:job_id>"
_FOUND = Answer(model=JobDocument, description="The job.", headers=("ETag",))
_UNCHANGED = Answer(description="Nothing has changed.")
_CHANGED = Answer(model=JobDocument, description="The job after the change.")
Tab = Literal["all", "running", "waiting", "scheduled", "failed", "done", "stopped"]
VERBS: Mapping[str, str] = MappingProxyType(  # the last part of the path, and what the page calls it
    {
        "cancel": "stop",
        "retry": "retry",
        "run-again": "run-again",
        "keep": "keep",
        "keep-no-longer": "keep-no-longer",
        "run-next": "run-next",
        "make-public": "make-public",
        "make-private": "make-private",
    }
)


class JobListQuery(LimitQuery):
    """The filters of the list of jobs; the last seven are for those who see the installation."""

    filter: str = Field(
        default="", max_length=60, description="The name of a saved filter; further parameters replace its own."
    )
    tab: Tab = Field(default="all", description="The tab of the list, which stands for one status or a few.")
    type: str = Field(default="", max_length=80, description="The name of a job type.")
    tag: str = Field(default="", max_length=40, description="Only jobs with this tag.")
    whose: Literal["", "mine", "public", "shared"] = Field(
        default="",
        description="Only jobs of the account, public ones, or those that are shared with one of its groups.",
    )
    q: str = Field(default="", max_length=200, description="Search: words, or the id of a job.")
    warned: bool = Field(default=False, description="Only jobs with warnings.")
    when: Literal["", "today", "7", "30"] = Field(default="", description="Created today, or in the last days.")
    since: str = Field(default="", max_length=20, description="Created on or after this day, such as 2026-12-31.")
    until: str = Field(default="", max_length=20, description="Created on or before this day.")
    failed_since: str = Field(default="", max_length=20, description="Failed within this period, such as 24h.")
    children: bool = Field(default=False, description="Child jobs too.")
    before: UUID | None = Field(default=None, description="Jobs older than this one: the next page.")
    status: Status | None = Field(default=None, description="Only jobs in this status.")
    queue: str = Field(default="", max_length=80, description="The name of a queue.")
    worker: str = Field(default="", max_length=80, description="The name of the worker that runs or ran the job.")
    owner: str = Field(default="", max_length=120, description="The name of a user, or “system”.")
    error: str = Field(default="", max_length=16, description="The fingerprint of an error.")
    ended_since: datetime | None = Field(default=None, description="Ended at or after this time.")
    ended_until: datetime | None = Field(default=None, description="Ended before this time.")


class WaitQuery(Query):
    """How long to wait."""

    wait: float = Field(
        default=0, ge=0, le=LONGEST, description="Wait at most this many seconds for the end of the job."
    )


class JobReport(BaseModel):
    """What a program reports of a record-only job. Members that are not sent stay as they are."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["running", "completed", "failed", "cancelled"] | None = None
    progress: float | None = Field(default=None, ge=0, le=100, description="Per cent.")
    done: float | None = Field(default=None, ge=0, description="An amount, from which the progress follows.")
    total: float | None = Field(default=None, gt=0)
    message: str | None = Field(default=None, max_length=4000)
    warnings: list[str] | None = Field(default=None, max_length=100)
    errors: list[str] | None = Field(default=None, max_length=100)
    metadata: dict[str, JsonValue] | None = None
    state: dict[str, JsonValue] | None = Field(default=None, description="The checkpoint.")


@operations.add(
    "GET",
    "/jobs",
    scope=Scope.READ,
    query=JobListQuery,
    answers={
        200: Answer(model=Page[JobDocument], description="Jobs, newest first.", headers=("ETag", *LINK)),
        304: _UNCHANGED,
    },
)
def list_jobs(query: JobListQuery) -> Any:
    """List jobs.

    The filters are those of the list of jobs. Jobs of other users are left out unless the account sees them. With
    `If-None-Match`, the answer is an empty 304 while nothing has changed.
    """
    parsed, policy, sent = parse_query(query), job_policy(), request.headers.get("If-None-Match")
    lists, limit = services().queries.lists, query.limit + 1
    if sent and (versions := lists.versions(viewer(), parsed.criteria, before=query.before, limit=limit)) is not None:
        tag = _list_tag(versions)
        if sent == tag:
            return Reply(status=304, headers={"ETag": tag})
    found = lists.find(viewer(), parsed.criteria, before=query.before, limit=limit)
    jobs, more = found.jobs[: query.limit], len(found.jobs) > query.limit
    last = jobs[-1].id if more else found.scanned_to
    return page_reply(
        [job_document(job, policy) for job in jobs],
        following={"before": last} if last else None,
        headers={"ETag": _list_tag([(job.id.hex, job.version) for job in found.jobs])},
    )


@operations.add(
    "POST",
    "/jobs",
    scope=Scope.START,
    body=JobRequest,
    takes_files=True,
    answers={202: Answer(model=JobDocument, description="The job was created.", headers=("Location",))},
)
def create_job() -> Any:
    """Start a job.

    Send JSON, or `multipart/form-data` with this JSON in the part `job` and one part per file, named like the field of
    the payload. With the header `Idempotency-Key`, a request that is sent again creates no second job and gets the same
    answer; another request with the same key is refused with 422, and one that comes while the first is still in
    progress with 409.
    """
    given, key = read_job_input(), request.headers.get(KEY_HEADER)
    is_used = False

    def create() -> Response:
        nonlocal is_used
        is_used = True
        engine_key = None if key is None else unique_request_key(signed_in().id, key, given.fingerprint)
        return respond(_create(given, engine_key))

    try:
        response = create() if key is None else answer_once(key, given.fingerprint, create)
    except BaseException:
        given.discard()
        raise
    if not is_used:  # the answer is that of the first request
        given.discard()
    return response


@operations.add("GET", JOB, scope=Scope.READ, query=WaitQuery, answers={200: _FOUND, 304: _UNCHANGED})
def get_job(job_id: UUID, query: WaitQuery) -> Any:
    """Get a job.

    With `wait`, the answer comes when the job has ended, or after that many seconds. Only some requests can wait at
    once; others get 503 with `Retry-After`.
    """
    policy = job_policy()
    job = _visible(job_id)
    if query.wait and not job.is_finished:
        job = wait_for(lambda: each if (each := _visible(job_id)).is_finished else None, query.wait) or _visible(job_id)
    tag = job_tag(job, policy)
    if request.headers.get("If-None-Match") == tag:
        return Reply(status=304, headers={"ETag": tag})
    document = job_document(job, policy)
    if job.waits_for_rate:  # not in lists, whose every job would be looked up
        document["may_start_at"] = services().queries.estimates.may_start(job)
    return Reply(document=document, headers={"ETag": tag})


@operations.add("DELETE", JOB, scope=Scope.START, answers={204: Answer(description="The job was deleted.")})
def delete_job(job_id: UUID) -> Any:
    """Delete a finished job with its child jobs and files."""
    actions.perform(job_id, "delete")
    return None


@operations.add("PATCH", JOB, scope=Scope.START, body=JobReport, answers={200: _CHANGED})
def report_job(job_id: UUID, body: JobReport) -> Any:
    """Report the progress or the end of a record-only job.

    Only for jobs whose work your program does itself: those that were started with `record_only`.
    """
    job = actions.act_on(job_id, "stop")  # whoever can stop it can say how it goes on
    if not job.record_only:
        raise InvalidInput({"pointer": "#", "detail": "A worker runs this job, so only its handler can report it."})
    changed = services().jobs.change(job_id, lambda current: _reported(current, body))
    return job_document(changed, job_policy())


def _add_verbs() -> None:
    """Declare one operation for each action of the page of a job."""
    texts = {
        "cancel": "Stop a job.\n\nA waiting job is stopped at once, a running one when it responds.",
        "retry": "Retry a failed, stopped or lost job.\n\nIt continues from its checkpoint, as its next attempt.",
        "keep": "Keep a job.\n\nIt is not deleted on its normal schedule.",
        "keep-no-longer": "Delete a kept job on its normal schedule again.",
        "run-next": "Move a waiting job to the front of its queue.",
        "make-public": "Let every user see a job of the system.",
        "make-private": "Hide a job of the system from other users.",
    }
    for verb, text in texts.items():
        operations.add("POST", f"{JOB}/{verb}", scope=Scope.START, answers={200: _CHANGED})(_verb(verb, text))


def _verb(verb: str, text: str) -> Any:
    def act_on_job(job_id: UUID) -> Any:
        actions.perform(job_id, VERBS[verb])
        return job_document(_visible(job_id), job_policy())

    act_on_job.__name__, act_on_job.__doc__ = f"{verb.replace('-', '_')}_job", text
    return act_on_job


_add_verbs()


class PriorityBody(BaseModel):
    """The new priority; higher ones run first."""

    model_config = ConfigDict(extra="forbid")

    priority: int = Field(ge=0, le=10_000)


@operations.add("POST", f"{JOB}/priority", scope=Scope.START, body=PriorityBody, answers={200: _CHANGED})
def set_priority_job(job_id: UUID, body: PriorityBody) -> Any:
    """Change the priority of a waiting job."""
    return job_document(actions.set_priority(job_id, body.priority), job_policy())


class JobEditBody(BaseModel):
    """The new values of a waiting job. Members that are not sent stay as they are."""

    model_config = ConfigDict(extra="forbid")

    payload: dict[str, JsonValue] | None = Field(
        default=None, description="The whole input. Its files stay, and so do secrets that are not sent."
    )
    queue: str | None = Field(default=None, max_length=80, description="For operators.")
    priority: int | None = Field(default=None, description="For operators.")
    run_at: AwareDatetime | None = Field(default=None, description="The earliest start.")
    start_now: bool = Field(default=False, description="A scheduled job is due at once.")
    tags: list[str] | None = Field(default=None, max_length=100)
    version: int | None = Field(default=None, description="Refuse the edit unless the job still has this version.")


@operations.add("POST", f"{JOB}/edit", scope=Scope.START, body=JobEditBody, answers={200: _CHANGED})
def edit_job(job_id: UUID, body: JobEditBody) -> Any:
    """Edit a job that has not started.

    If a worker starts it meanwhile, the answer is 409 and nothing is changed.
    """
    edit = JobEdit(**{name: getattr(body, name) for name in JobEditBody.model_fields})
    return job_document(waiting_job.edit_job(job_id, edit), job_policy())


class TagsBody(BaseModel):
    """All tags of the job."""

    model_config = ConfigDict(extra="forbid")

    tags: list[str] = Field(max_length=100, description="Up to 10 words, which are stored in lower case.")


@operations.add("PUT", f"{JOB}/tags", scope=Scope.START, body=TagsBody, answers={200: _CHANGED})
def set_tags_job(job_id: UUID, body: TagsBody) -> Any:
    """Replace the tags of a job.

    Its owner and operators can do it, in any status.
    """
    actions.act_on(job_id, "tags")
    try:
        return job_document(actions.set_tags(job_id, clean_tags(body.tags)), job_policy())
    except InvalidTags as error:
        raise InvalidInput({"pointer": "#/tags", "detail": str(error)}) from None


class SharingBody(BaseModel):
    """With whom the job is shared."""

    model_config = ConfigDict(extra="forbid")

    group: str | None = Field(
        max_length=80, description="The name of a group whose members can then read the job. Null: it is not shared."
    )


@operations.add("PUT", f"{JOB}/share", scope=Scope.START, body=SharingBody, answers={200: _CHANGED})
def share_job(job_id: UUID, body: SharingBody) -> Any:
    """Share a job with a group, or with none.

    Its members can read the job and its child jobs, and change nothing. The owner of the job and operators share it
    with groups that they belong to, admins with each group. Child jobs are shared with their parent job.
    """
    try:
        return job_document(actions.share(job_id, body.group), job_policy())
    except UnknownGroup as error:
        raise InvalidInput({"pointer": "#/group", "detail": str(error)}) from None


class RunAgainRequest(BaseModel):
    """From where a job runs again."""

    model_config = ConfigDict(extra="forbid")

    from_step: str | None = Field(
        default=None,
        max_length=NAME_LIMIT,
        description="The name of a step: the copy has the results of the steps before it, and runs the others.",
    )


@operations.add(
    "POST",
    f"{JOB}/run-again",
    scope=Scope.START,
    body=RunAgainRequest,
    answers={202: Answer(model=JobDocument, description="The new job.", headers=("Location",))},
)
def run_again_job(job_id: UUID, body: RunAgainRequest) -> Any:
    """Start a copy of a job, with the same payload and files.

    The copy belongs to the account of the token.
    """
    try:
        copy = actions.run_again(job_id, body.from_step)
    except BadRequest as error:
        raise InvalidInput({"pointer": "#/from_step", "detail": str(error)}) from None
    return Reply(document=job_document(copy, job_policy()), status=202, headers={"Location": job_url(copy.id)})


class DryRunLineDocument(BaseModel):
    """Something that a dry run shows: a report of the handler, a log line, or the result."""

    model_config = ConfigDict(extra="forbid")

    kind: str
    text: str


class DryRunDocument(BaseModel):
    """The result. `completes` says whether the job would complete; null if it had to be killed."""

    model_config = ConfigDict(extra="forbid")

    completes: bool | None
    sentence: str
    lines: list[DryRunLineDocument] = Field(description="Tracebacks are for accounts that see the installation.")


@operations.add(
    "POST",
    f"{JOB}/dry-run",
    scope=Scope.START,
    reveals=True,
    answers={200: Answer(model=DryRunDocument, description="What the job reported.")},
)
def dry_run_job(job_id: UUID) -> Any:
    """Run a job without effects and get what it reports.

    Nothing is changed in Deskjob. Effects on other systems, such as a message that it sends, cannot be prevented.
    """
    _job, result = dry_run.run_dry(job_id)
    sees_all = job_policy().sees_all
    lines = (line for line in result.lines if sees_all or line.kind != TRACEBACK)
    shown = [{"kind": line.kind, "text": line.text} for line in lines]
    return {"completes": result.completes, "sentence": result.sentence, "lines": shown}


def _create(given: JobInput, request_key: str | None) -> Reply:
    new, policy, registry = given.job, job_policy(), services().registry
    if new.type not in registry or not policy.may_start(new.type) or not registry.get(new.type).listed:
        raise InvalidInput({"pointer": "#/type", "detail": "There is no job type of this name that you can start."})
    job_type = registry.get(new.type)
    if job_type.asks_password:
        raise InvalidInput(
            {"pointer": "#/type", "detail": "This job type asks for a password. Start it from its page."}
        )
    _refuse_operators_choices(new)
    _refuse_other_groups(new)
    if referenced_jobs(new) is None:
        raise InvalidInput({"pointer": "#/after", "detail": "One of these jobs does not exist, or you cannot open it."})
    creation = services().jobs.create_or_find_job(
        new.type,
        new.payload,
        owner=policy.owner,
        triggered_by=signed_in().id,
        files=lambda: accepted_files(job_type, given.files),
        after=new.after,
        on_finish=new.on_finish,
        dispatch=not new.record_only,
        request_key=request_key,
        record=record_creation,
        **new.choices(),
    )
    job = creation.job
    if not creation.created:
        given.discard()
    return Reply(document=job_document(job, policy), status=202, headers={"Location": job_url(job.id)})


def _refuse_operators_choices(new: JobRequest) -> None:
    if may(Right.ACT_ON_ALL_JOBS):
        return
    given = [name for name in FOR_OPERATORS if getattr(new, name) is not None]
    if given:
        raise InvalidInput(*({"pointer": f"#/{name}", "detail": "Only operators can set this."} for name in given))


def _refuse_other_groups(new: JobRequest) -> None:
    if new.shared_with is not None and (refusal := job_policy().refusal_to_share(new.type, new.shared_with)):
        raise InvalidInput({"pointer": "#/shared_with", "detail": refusal.value})


def _reported(job: Job, report: JobReport) -> Job:
    """Return the job with everything that the report says; pure, because it can be called again."""
    if report.status == "running" and not job.is_running:
        job = job.mark_running()
    if report.progress is not None:
        job = job.with_progress(report.progress)
    if report.done is not None:
        job = job.with_progress_from_amounts(report.done, report.total)
    if report.message is not None:
        job = job.with_message(report.message)
    if report.warnings is not None:
        job = job.with_warnings(report.warnings)
    if report.errors is not None and report.status != "failed":
        job = job.with_errors(report.errors)
    if report.metadata is not None:
        job = job.with_metadata(report.metadata)
    if report.state is not None:
        job = job.with_state(report.state)
    return _ended(job, report)


def _ended(job: Job, report: JobReport) -> Job:
    if report.status in {None, "running"}:
        return job
    if report.status == "cancelled":
        return job.mark_cancelled()
    started = job if job.is_running else job.mark_running()
    return started.mark_completed() if report.status == "completed" else started.mark_failed(report.errors or ())


def _visible(job_id: UUID) -> Job:
    return services().queries.jobs.get_visible(viewer(), job_id)


def _list_tag(versions: Any) -> str:
    user = signed_in()
    return tag_of(tuple(versions), user.id, user.role, request.query_string)


def parse_query(query: JobListQuery) -> ParsedFilter:
    """Return the criteria of a query, with the filters that the account may use; raise `InvalidInput`."""
    sees = may(Right.SEE_INSTALLATION)
    sent = {name: _text(value) for name, value in query.model_dump(exclude_unset=True).items()}
    given = {**_saved_arguments(sent.pop("filter", "")), **sent}
    if not sees and (hidden := sorted(given.keys() & ONLY_ADMIN)):
        raise InvalidInput(
            {"parameter": hidden[0], "detail": "Only accounts that see the installation can filter by this."}
        )
    parsed = parse_filter((AdminJobFilter if sees else Filter).of({name: text for name, text in given.items() if text}))
    if parsed.problem:
        raise InvalidInput({"parameter": "since", "detail": parsed.problem})
    return parsed


def _saved_arguments(name: str) -> Mapping[str, str]:
    if not name:
        return {}
    try:
        return services().saved_filters.named(signed_in(), name).arguments
    except FilterNotFound:
        raise InvalidInput({"parameter": "filter", "detail": f"There is no saved filter named {name}."}) from None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else ""
    return value.isoformat() if isinstance(value, datetime) else str(value or "")


ONLY_ADMIN = frozenset({"status", "queue", "worker", "owner", "error"})
