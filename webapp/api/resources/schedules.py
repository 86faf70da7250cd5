"""Schedules: list, create, change, pause, run and delete them."""

from dataclasses import replace
from typing import Any, Literal
from uuid import UUID

from flask import abort
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from webapp.accounts.permissions import Right
from webapp.accounts.tokens import Scope
from webapp.api.job_document import JobDocument, OwnerDocument, job_document, job_url, without_secrets
from webapp.api.lists import Page, Query, page_reply
from webapp.api.operations import Answer, Operations, Reply
from webapp.api.problems import InvalidInput
from webapp.jobs.model.job import Owner, Status
from webapp.jobs.schedules.draft import ScheduleDraft
from webapp.jobs.schedules.schedule import RunOutcome, Schedule, ScheduleRun
from webapp.user_policy import user_policy
from webapp.views.page.permissions import may, refusal
from webapp.views.page.request import job_policy, services, signed_in
from webapp.views.schedules import actions, edit
from webapp.views.schedules.access import find_permitted
from webapp.views.schedules.index import may_run
from webapp.views.text.translations import gettext as _

operations = Operations("schedules")
SCHEDULE = "/schedules/<uuid:schedule_id>"
_SEE, _RUN, _EDIT = Right.SEE_INSTALLATION, Right.RUN_SCHEDULES, Right.EDIT_SCHEDULES
_FOR_OPERATORS = ("queue", "priority")


class ScheduleDocument(BaseModel):
    """A schedule. Its payload is empty for accounts that cannot start its job type."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    name: str
    type: str
    payload: dict[str, JsonValue]
    rule: str = Field(description="A cron rule.")
    zone: str = Field(description="The time zone of the rule.")
    missed: str
    one_at_a_time: bool
    queue: str | None
    priority: int | None
    tags: list[str]
    owner: OwnerDocument
    next_fire_at: AwareDatetime | None
    paused_at: AwareDatetime | None
    paused_by: UUID | None
    paused_why: str
    created_at: AwareDatetime
    created_by: UUID | None
    changed_at: AwareDatetime | None
    changed_by: UUID | None
    version: int


class ScheduleRunDocument(BaseModel):
    """A scheduled time, or a "run now". `status` is that of its job; `detail` says why there is none."""

    model_config = ConfigDict(extra="forbid")

    fire_at: AwareDatetime
    fired_at: AwareDatetime
    outcome: RunOutcome
    job_id: UUID | None
    status: Status | None
    asked_by: UUID | None
    detail: str


class _ScheduleFields(BaseModel):
    """What a schedule can have."""

    model_config = ConfigDict(extra="forbid")

    missed: Literal["once", "skip", "all"] = "once"
    one_at_a_time: bool = False
    queue: str | None = Field(default=None, max_length=80)
    priority: int | None = None
    tags: list[str] = Field(default_factory=list, max_length=100, description="Tags of its jobs.")
    public: bool = Field(default=True, description="Jobs of the system: whether every user can see them.")
    user: str | None = Field(default=None, max_length=80, description="The user to whom its jobs belong.")


class NewSchedule(_ScheduleFields):
    """A new schedule."""

    type: str = Field(min_length=1, max_length=80)
    name: str = Field(min_length=1, max_length=120)
    rule: str = Field(min_length=1, max_length=200, description="A cron rule such as `0 3 * * *`.")
    zone: str = Field(default="UTC", max_length=80)
    payload: dict[str, JsonValue] = Field(default_factory=dict)


class ScheduleChange(BaseModel):
    """Changes of a schedule. Members that are not sent stay as they are."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, max_length=120)
    rule: str | None = Field(default=None, max_length=200)
    zone: str | None = Field(default=None, max_length=80)
    missed: Literal["once", "skip", "all"] | None = None
    one_at_a_time: bool | None = None
    queue: str | None = Field(default=None, max_length=80, description="Send null for the queue of the job type.")
    priority: int | None = Field(default=None, description="Send null for the priority of the job type.")
    tags: list[str] | None = Field(default=None, max_length=100)
    payload: dict[str, JsonValue] | None = None
    version: int | None = Field(default=None, description="Refuse the change unless it still has this version.")


class PauseBody(BaseModel):
    """Why it is paused, if there is a reason."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(default="", max_length=200)


class RunsQuery(Query):
    """How many runs."""

    limit: int = Field(default=50, ge=1, le=1000, description="At most this many items.")


_FOUND = Answer(model=ScheduleDocument, description="The schedule.")
_CHANGEABLE = ScheduleChange.model_fields.keys() - {"payload", "version"}
_NULLABLE = frozenset({"queue", "priority"})


@operations.add(
    "GET",
    "/schedules",
    scope=Scope.READ,
    answers={200: Answer(model=Page[ScheduleDocument], description="The schedules.")},
)
def list_schedules() -> Any:
    """List the schedules: all of them, or those of the account if it cannot see the installation."""
    schedules = services().schedules
    found = schedules.all() if may(_SEE) else schedules.of_owner(signed_in().id)
    return page_reply([_document(schedule) for schedule in found], following=None)


@operations.add(
    "POST",
    "/schedules",
    scope=Scope.ADMIN,
    own_scope=Scope.START,
    body=NewSchedule,
    answers={201: Answer(model=ScheduleDocument, description="The new schedule.", headers=("Location",))},
)
def create_schedule(body: NewSchedule) -> Any:
    """Create a schedule, which starts jobs by a cron rule.

    Accounts that cannot manage all schedules create their own, within the limits of the installation: their jobs belong
    to the account.
    """
    _refuse_choices_of_operators(body)
    job_type = edit.schedulable_type(body.type)
    if job_type is None:
        raise InvalidInput({"pointer": "#/type", "detail": "There is no job type of this name that you can schedule."})
    names = ("name", "rule", "zone", "missed", "one_at_a_time", "queue", "priority", "tags")
    draft = ScheduleDraft(**{name: getattr(body, name) for name in names}, owner=_owner(body))
    schedule = edit.add_schedule(job_type, draft, body.payload)
    location = f"{job_url(schedule.id).rpartition('/jobs/')[0]}/schedules/{schedule.id}"
    return Reply(document=_document(schedule), status=201, headers={"Location": location})


@operations.add("GET", SCHEDULE, scope=Scope.READ, answers={200: _FOUND})
def get_schedule(schedule_id: UUID) -> Any:
    """Get a schedule."""
    return _document(find_permitted(schedule_id, _SEE))


@operations.add(
    "GET",
    f"{SCHEDULE}/runs",
    scope=Scope.READ,
    query=RunsQuery,
    answers={200: Answer(model=Page[ScheduleRunDocument], description="The last runs, newest first.")},
)
def list_schedule_runs(schedule_id: UUID, query: RunsQuery) -> Any:
    """List the last runs of a schedule."""
    schedule = find_permitted(schedule_id, _SEE)
    return page_reply(list(map(_run, services().run_history.of_schedule(schedule.id, query.limit))), following=None)


@operations.add("PATCH", SCHEDULE, scope=Scope.ADMIN, own_scope=Scope.START, body=ScheduleChange, answers={200: _FOUND})
def change_schedule(schedule_id: UUID, body: ScheduleChange) -> Any:
    """Change a schedule. Its job type cannot change."""
    old = find_permitted(schedule_id, _EDIT)
    _refuse_choices_of_operators(body)
    if edit.schedulable_type(old.type) is None:
        abort(409, "Its job type is no longer installed, so the schedule cannot be edited. You can delete it.")
    changes = {name: getattr(body, name) for name in _CHANGEABLE & body.model_fields_set}
    if empty := sorted(name for name, value in changes.items() if value is None and name not in _NULLABLE):
        raise InvalidInput(*({"pointer": f"#/{name}", "detail": "This cannot be null."} for name in empty))
    seen = replace(old, version=body.version) if body.version is not None else old
    return _document(edit.change_schedule(seen, replace(ScheduleDraft.from_schedule(old), **changes), body.payload))


@operations.add(
    "DELETE", SCHEDULE, scope=Scope.ADMIN, own_scope=Scope.START, answers={204: Answer(description="It was deleted.")}
)
def delete_schedule(schedule_id: UUID) -> Any:
    """Delete a schedule with its history. Its jobs are kept."""
    actions.delete_schedule(find_permitted(schedule_id, _EDIT))


@operations.add(
    "POST", f"{SCHEDULE}/pause", scope=Scope.OPERATE, own_scope=Scope.START, body=PauseBody, answers={200: _FOUND}
)
def pause_schedule(schedule_id: UUID, body: PauseBody) -> Any:
    """Pause a schedule."""
    actions.pause_schedule(find_permitted(schedule_id, _RUN), body.reason)
    return get_schedule(schedule_id)


@operations.add("POST", f"{SCHEDULE}/resume", scope=Scope.OPERATE, own_scope=Scope.START, answers={200: _FOUND})
def resume_schedule(schedule_id: UUID) -> Any:
    """Resume a schedule."""
    actions.resume_schedule(find_permitted(schedule_id, _RUN))
    return get_schedule(schedule_id)


@operations.add(
    "POST",
    f"{SCHEDULE}/run",
    scope=Scope.OPERATE,
    own_scope=Scope.START,
    answers={202: Answer(model=JobDocument, description="The job that was started.", headers=("Location",))},
)
def run_schedule(schedule_id: UUID) -> Any:
    """Start a job of a schedule now."""
    job = actions.start_scheduled_job(find_permitted(schedule_id, _RUN))
    return Reply(document=job_document(job, job_policy()), status=202, headers={"Location": job_url(job.id)})


def _refuse_choices_of_operators(body: NewSchedule | ScheduleChange) -> None:
    given = [name for name in _FOR_OPERATORS if getattr(body, name) is not None]
    if given and not may(_EDIT):
        abort(403, _("Only operators can change the queue and the priority."))


def _owner(body: NewSchedule) -> Owner:
    if not may(_EDIT):
        if body.user not in {None, signed_in().name}:
            abort(403, refusal(_EDIT))
        return job_policy().owner
    if body.user is None:
        return Owner(public=body.public)
    user = services().accounts.by_name(body.user)
    if user is None or not user.active or not user_policy(user, services().registry).may_start(body.type):
        raise InvalidInput({"pointer": "#/user", "detail": "No active account of this name can start this job type."})
    return Owner(user_id=user.id, tenant=user.tenant)


def _document(schedule: Schedule) -> dict[str, Any]:
    names = (
        *("id", "name", "type", "missed", "one_at_a_time", "queue", "priority", "tags"),
        *("next_fire_at", "paused_at", "paused_by", "paused_why", "created_at", "created_by"),
        *("changed_at", "changed_by", "version"),
    )
    owner = schedule.owner
    return {
        **{name: getattr(schedule, name) for name in names},
        "payload": without_secrets(schedule.payload) if may_run(schedule) else {},
        "rule": schedule.rule.text,
        "zone": schedule.rule.zone,
        "owner": {"user_id": owner.user_id, "public": owner.public, "tenant": owner.tenant},
    }


def _run(run: ScheduleRun) -> dict[str, Any]:
    return {name: getattr(run, name) for name in ScheduleRunDocument.model_fields}
