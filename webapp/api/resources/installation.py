"""The installation: its state in numbers, and its secret key. Neither that key nor old ones are ever sent."""

from datetime import timedelta
from typing import Any, Literal

from flask import abort
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.permissions import Right
from webapp.accounts.tokens import Scope
from webapp.api.lists import Query
from webapp.api.operations import Answer, Operations
from webapp.jobs.maintenance.key_rotation import KeyRotationRefused
from webapp.views.page.audit_log import record_audit
from webapp.views.page.request import services

operations = Operations("installation")
KEY = "/secret-key"
_SECONDS = 20  # that a request encrypts at most, as clients do not wait forever
_MOST_HOURS = 24 * 366


class StatsQuery(Query):
    """The period."""

    hours: int = Field(default=24, ge=1, le=_MOST_HOURS, description="How far back the ended jobs are counted.")


class EndedJobs(BaseModel):
    """How many jobs of a type ended with a status."""

    model_config = ConfigDict(extra="forbid")

    type: str
    status: str
    jobs: int


class StatsDocument(BaseModel):
    """Counts of running and waiting jobs stop at a ceiling. Periods are in seconds."""

    model_config = ConfigDict(extra="forbid")

    at: AwareDatetime
    running: int
    waiting: int
    longest_wait: float | None
    workers: int
    paused: bool = Field(description="Whether everything is paused.")
    paused_queues: list[str]
    redis: bool = Field(description="Whether Redis answers.")
    clock_silent_for: float | None = Field(description="Null if no clock has ever run.")
    disk_used: int
    disk_total: int
    ended: list[EndedJobs]


@operations.add(
    "GET",
    "/stats",
    scope=Scope.READ,
    right=Right.SEE_INSTALLATION,
    query=StatsQuery,
    answers={200: Answer(model=StatsDocument, description="The state now, and the ended jobs.")},
)
def get_stats(query: StatsQuery) -> Any:
    """Get the state of the installation in numbers."""
    snapshot = services().health_check.take_snapshot()
    ended = services().metrics.count_ended_by_type(snapshot.at - timedelta(hours=query.hours))
    return {
        "at": snapshot.at,
        "running": snapshot.running,
        "waiting": snapshot.waiting,
        "longest_wait": snapshot.longest_wait.waited if snapshot.longest_wait else None,
        "workers": len(snapshot.workers),
        "paused": snapshot.everything_paused,
        "paused_queues": snapshot.paused_queues,
        "redis": snapshot.redis is not None,
        "clock_silent_for": snapshot.clock_silent_for,
        "disk_used": snapshot.disk.used,
        "disk_total": snapshot.disk.total,
        "ended": [{"type": type_name, "status": status, "jobs": jobs} for (type_name, status), jobs in ended.items()],
    }


class KeyStatusDocument(BaseModel):
    """How many old keys are accepted, and how many rows have secrets that need one."""

    model_config = ConfigDict(extra="forbid")

    old_keys: int
    outdated: int = Field(description="Rows with a secret that needs an old key.")
    unreadable: int = Field(description="Rows with a secret that no key can decrypt.")


class RotationDocument(KeyStatusDocument):
    """What was done. If `outdated` is not 0, repeat the request: it continues."""

    new_key: bool = Field(description="Whether this request made a new key.")
    encrypted: int = Field(description="Rows that this request encrypted again.")


class ForgetBody(BaseModel):
    """Whether browsers that are signed in with an old key must sign in again."""

    model_config = ConfigDict(extra="forbid")

    now: bool = Field(default=False, description="Even if browsers are signed in with an old key.")


class ForgottenDocument(BaseModel):
    """What became of the old keys."""

    model_config = ConfigDict(extra="forbid")

    old_keys: Literal["none_left", "removed", "in_settings"]


@operations.add(
    "GET",
    KEY,
    scope=Scope.ADMIN,
    right=Right.CHANGE_SECRET_KEY,
    answers={200: Answer(model=KeyStatusDocument, description="The state of the keys.")},
)
def get_secret_key() -> Any:
    """Count the old keys that are accepted, and what needs them."""
    return _status()


@operations.add(
    "POST",
    f"{KEY}/rotate",
    scope=Scope.ADMIN,
    right=Right.CHANGE_SECRET_KEY,
    answers={200: Answer(model=RotationDocument, description="What was done.")},
)
def rotate_secret_key() -> Any:
    """Replace the secret key, and encrypt all stored secrets with the new one.

    Old keys stay accepted. Restart all processes afterwards. A request works for about 20 seconds; repeat it until
    `outdated` is 0.
    """
    rotation = services().key_rotation
    try:
        new_key = rotation.replace_key()
    except KeyRotationRefused as error:
        abort(409, str(error))
    record_audit(AuditAction.SETTINGS_CHANGE, AuditTarget.SETTINGS, "secret_key", name="secret key")
    encrypted = rotation.encrypt_again(seconds=_SECONDS)
    return {**_status(), "new_key": new_key, "encrypted": encrypted}


@operations.add(
    "POST",
    f"{KEY}/forget",
    scope=Scope.ADMIN,
    right=Right.CHANGE_SECRET_KEY,
    body=ForgetBody,
    answers={200: Answer(model=ForgottenDocument, description="What became of the old keys.")},
)
def forget_secret_keys(body: ForgetBody) -> Any:
    """Remove the old keys when nothing needs them."""
    try:
        forgotten = services().key_rotation.forget(now=body.now)
    except KeyRotationRefused as error:
        abort(409, str(error))
    record_audit(AuditAction.SETTINGS_CHANGE, AuditTarget.SETTINGS, "secret_key_old", name="secret key")
    return {"old_keys": forgotten.name.lower()}


def _status() -> dict[str, int]:
    found = services().key_rotation.status()
    return {"old_keys": found.old_keys, "outdated": found.outdated, "unreadable": found.unreadable}
