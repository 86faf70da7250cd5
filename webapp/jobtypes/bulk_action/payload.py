"""The payload of a bulk action: the action, the filter of a list, and the newest job that the user saw."""

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field, JsonValue, model_validator

from webapp.accounts.validation import GROUP_LIMIT
from webapp.jobs import Status
from webapp.jobs.lifecycle.bulk_actions import BulkAction
from webapp.jobs.model.policies import FIRST_PRIORITY
from webapp.jobs.model.tags import TAG_LIMIT
from webapp.jobs.queries.criteria import AdminJobCriteria, JobCriteria
from webapp.jobs.queries.visible_jobs import TABS

_ACTIONS: dict[str, JsonValue] = {
    BulkAction.STOP: "Stop",
    BulkAction.RETRY: "Retry",
    BulkAction.RUN_AGAIN: "Run again",
    BulkAction.DELETE: "Delete",
    BulkAction.SHARE: "Share",
    BulkAction.UNSHARE: "Stop sharing",
}

_SCOPES: dict[str, JsonValue] = {"": "All", "mine": "Mine", "public": "Public", "shared": "Shared with my groups"}

_CRITERIA_NAMES = {  # payload → criteria
    "children": "with_children",
    "whose": "ownership",
    "warned": "with_warnings",
    "newest": "newest_id",
}


class BulkActionPayload(BaseModel):
    """An action and the criteria of its jobs."""

    action: BulkAction = Field(title="Action", json_schema_extra={"labels": _ACTIONS})
    group: str = Field(default="", max_length=GROUP_LIMIT, title="Share with")
    tab: Literal["all", "running", "waiting", "scheduled", "failed", "done", "stopped"] = Field(
        default="all", title="Status"
    )
    status: Status | Literal[""] = Field(default="", title="Exact status")
    children: bool = Field(default=True, title="Include child jobs")  # bulk actions of older versions did
    type_name: str = Field(default="", max_length=80, title="Job type")
    tag: str = Field(default="", max_length=TAG_LIMIT, title="Tag")
    whose: Literal["", "mine", "public", "shared"] = Field(
        default="", title="Scope", json_schema_extra={"labels": _SCOPES}
    )
    text: str = Field(default="", max_length=200, title="Search")
    warned: bool = Field(default=False, title="With warnings")
    since: datetime | None = Field(default=None, title="Created since")
    until: datetime | None = Field(default=None, title="Created before")
    queue: str = Field(default="", max_length=80, title="Queue")
    worker: str = Field(default="", max_length=80, title="Worker")
    owner: UUID | Literal["", "system"] = Field(default="", title="Owner")
    error: str = Field(default="", max_length=16, title="Error")
    ended_since: datetime | None = Field(default=None, title="Finished since")
    ended_until: datetime | None = Field(default=None, title="Finished before")
    newest: UUID | None = Field(
        default=None,
        title="Newest job",
        description="Jobs created after this one are skipped. Jobs created after the bulk action are always skipped.",
    )
    delayed: bool = Field(default=False, title="Include scheduled jobs")

    @classmethod
    def for_criteria(cls, action: BulkAction, criteria: JobCriteria, *, delayed: bool, group: str = "") -> Self:
        """Return the payload that applies an action to the jobs of a list; the inverse of `criteria`."""
        names = {name: _CRITERIA_NAMES.get(name, name) for name in cls.model_fields}
        values = {name: getattr(criteria, given) for name, given in names.items() if hasattr(criteria, given)}
        return cls(**values, action=action, delayed=delayed, group=group)

    @model_validator(mode="after")
    def _names_a_group_to_share_with(self) -> Self:
        if (self.action is BulkAction.SHARE) != bool(self.group):
            raise ValueError("Name a group to share jobs with, and none for other actions.")
        return self

    @property
    def priority(self) -> int | None:
        """The priority of its job: a stop starts before the jobs that it stops. None for the default."""
        return FIRST_PRIORITY if self.action is BulkAction.STOP else None

    def running(self) -> Self | None:
        """Return the same action on running jobs and roots with running children; None if it leaves these alone."""
        matches = self.tab in {"all", "running"} and self.status in {"", *TABS["running"]}
        return self.model_copy(update={"tab": "running"}) if matches else None

    def criteria(self, unopened_types: frozenset[str]) -> AdminJobCriteria:
        """Return the criteria of the jobs; ``unopened_types`` of other users are not searched for texts."""
        return AdminJobCriteria(
            tab=self.tab,
            with_children=self.children,
            status=self.status,
            type_name=self.type_name,
            tag=self.tag,
            ownership=self.whose,
            text=self.text,
            with_warnings=self.warned,
            since=self.since,
            until=self.until,
            queue=self.queue,
            worker=self.worker,
            owner=self.owner,
            error=self.error,
            ended_since=self.ended_since,
            ended_until=self.ended_until,
            newest_id=self.newest,
            with_scheduled=self.delayed,
            restricted_types=unopened_types,
        )
