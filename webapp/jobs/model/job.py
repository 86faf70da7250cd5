"""Job, its statuses and the one table of legal moves. Pure: every change is a new value."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from types import MappingProxyType
from typing import Any
from uuid import UUID

from webapp.jobs.model import progress as arithmetic


class Status(StrEnum):
    """Where a job stands; people read other words (views/wording.py)."""

    HELD = "held"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    STALE = "stale"


S = Status
COMPLETE = 100.0  # per cent
TERMINAL = frozenset({S.COMPLETED, S.FAILED, S.CANCELLED, S.STALE})
UNFINISHED = frozenset(Status) - TERMINAL
MOVES: Mapping[Status, frozenset[Status]] = MappingProxyType(
    {
        S.HELD: frozenset({S.QUEUED, S.SCHEDULED, S.CANCELLED, S.FAILED}),
        S.SCHEDULED: frozenset({S.QUEUED, S.CANCELLED}),
        S.QUEUED: frozenset({S.RUNNING, S.CANCELLED, S.FAILED}),
        S.RUNNING: frozenset({S.WAITING, S.COMPLETED, S.FAILED, S.CANCELLED, S.STALE, S.SCHEDULED, S.QUEUED}),
        S.WAITING: frozenset({S.COMPLETED, S.FAILED, S.CANCELLED, S.STALE}),
        # to waiting: only a root whose own part is done, when parts of it run again
        S.FAILED: frozenset({S.QUEUED, S.WAITING}),
        S.CANCELLED: frozenset({S.QUEUED, S.WAITING}),
        S.STALE: frozenset({S.QUEUED, S.WAITING}),
        S.COMPLETED: frozenset(),
    }
)


class IllegalTransition(Exception):
    """A job moves only along the table of moves."""

    def __init__(self, job_id: UUID, old: Status, new: Status) -> None:
        """Say which job, and from where to where it may not go."""
        super().__init__(f"Job {short_id(job_id)} is {old} and cannot become {new}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose job it is: a user, or the system (``user_id`` is None), whose jobs may be public."""

    user_id: UUID | None = None
    public: bool = False
    tenant: str | None = None

    def __post_init__(self) -> None:
        """Refuse a public job of a user."""
        if self.public and self.user_id is not None:
            message = "Only jobs of the system can be public."
            raise ValueError(message)


SYSTEM = Owner()
NO_QUEUE = ""  # where record-only jobs are: no worker takes anything from it, and no wake-up names it


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One request to run a job type. Moments are aware UTC; ``None`` means "not yet".

    ``progress`` is per cent, 0.0 to 100.0; ``done`` of ``total`` are the amounts behind it.
    ``warnings`` and ``errors`` are ``{"text", "at"}``, oldest first. ``payload`` is JSON as
    stored: secrets in it are encrypted. ``next_key`` is the unique key that it waits for.
    ``version`` grows with every write.
    """

    id: UUID
    type: str
    title: str
    status: Status
    owner: Owner = SYSTEM
    triggered_by: UUID | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    progress: float = 0.0
    done: float | None = None
    total: float | None = None
    message: str = ""
    warnings: tuple[Mapping[str, Any], ...] = ()
    errors: tuple[Mapping[str, Any], ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 100
    fair: int = 0
    queue: str = "default"
    own_process: bool = False
    run_at: datetime | None = None
    unique_key: str | None = None
    next_key: str | None = None
    root_id: UUID | None = None
    child_name: str | None = None
    parts: int = 0
    parts_completed: int = 0
    parts_failed: int = 0
    parts_cancelled: int = 0
    tolerant: bool = False
    has_dependents: bool = False
    record_only: bool = False
    again_of: UUID | None = None
    attempt: int = 0
    max_attempts: int = 1
    interruptions: int = 0
    lease_id: UUID | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    heartbeat_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    cancel_kind: str | None = None
    kept_at: datetime | None = None
    version: int = 1

    @property
    def public(self) -> bool:
        """Everyone may see it."""
        return self.owner.public

    @property
    def tenant(self) -> str | None:
        """Whose house it belongs to, where several share one installation."""
        return self.owner.tenant

    @property
    def is_new(self) -> bool:
        """No worker has taken it yet."""
        return self.status in {S.HELD, S.SCHEDULED, S.QUEUED}

    @property
    def is_running(self) -> bool:
        """A worker holds it."""
        return self.status is S.RUNNING

    @property
    def is_finished(self) -> bool:
        """It has ended, well or not."""
        return self.status in TERMINAL

    @property
    def has_warnings(self) -> bool:
        """It noted at least one warning."""
        return bool(self.warnings)

    @property
    def has_errors(self) -> bool:
        """It noted at least one error."""
        return bool(self.errors)

    @property
    def parts_left(self) -> int:
        """How many of its parts have not ended."""
        return self.parts - self.parts_completed - self.parts_failed - self.parts_cancelled

    @property
    def short_id(self) -> str:
        """What people read and say instead of the id."""
        return short_id(self.id)

    def fingerprint(self) -> str:
        """A tag that changes whenever anything shown of the job may have changed."""
        return blake2b(f"{self.id}:{self.version}:{self.status}".encode(), digest_size=8).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Every field by name, with plain values; moments and ids stay what they are."""
        return asdict(self)

    def mark_running(self) -> "Job":
        """A worker begins an attempt."""
        return self._moved(S.RUNNING, attempt=self.attempt + 1)

    def mark_completed(self) -> "Job":
        """It did what it was asked to."""
        return self._moved(S.COMPLETED, progress=COMPLETE)

    def mark_failed(self, errors: Sequence[str | Mapping[str, Any]] = ()) -> "Job":
        """It ended without its result; the progress it had is kept."""
        return self._moved(S.FAILED, errors=(*self.errors, *map(_note, errors)))

    def mark_cancelled(self, kind: str = "cooperative") -> "Job":
        """Somebody stopped it; ``kind`` is ``before_start``, ``cooperative`` or ``forced``."""
        return self._moved(S.CANCELLED, cancel_kind=kind)

    def mark_stale(self, errors: Sequence[str | Mapping[str, Any]] = ()) -> "Job":
        """Nobody knows what became of it; the progress it had is kept."""
        return self._moved(S.STALE, errors=(*self.errors, *map(_note, errors)))

    def mark_queued(self) -> "Job":
        """It may be picked by a worker now."""
        return self._moved(S.QUEUED)

    def with_progress(self, percent: float) -> "Job":
        """Set per cent; outside 0 to 100 is a ``ValueError``."""
        if not 0.0 <= percent <= COMPLETE:
            message = f"Progress is 0 to 100 per cent, not {percent!r}."
            raise ValueError(message)
        return replace(self, progress=float(percent))

    def with_progress_from_amounts(self, done: float, total: float | None = None) -> "Job":
        """Set per cent from amounts, clamped (see progress.from_amounts)."""
        percent = arithmetic.from_amounts(self.progress, done, total)
        return replace(self, progress=percent, done=done, total=total)

    def with_message(self, text: str) -> "Job":
        """Say what it is doing."""
        return replace(self, message=text)

    def with_warnings(self, warnings: Sequence[str | Mapping[str, Any]]) -> "Job":
        """Replace the warnings."""
        return replace(self, warnings=tuple(map(_note, warnings)))

    def with_errors(self, errors: Sequence[str | Mapping[str, Any]]) -> "Job":
        """Replace the errors."""
        return replace(self, errors=tuple(map(_note, errors)))

    def with_metadata(self, metadata: Mapping[str, Any]) -> "Job":
        """Replace the application's own data."""
        return replace(self, metadata=dict(metadata))

    def with_state(self, state: Mapping[str, Any]) -> "Job":
        """Replace the checkpoint."""
        return replace(self, state=dict(state))

    def with_public(self, public: bool) -> "Job":  # noqa: FBT001  (the name of the step says it)
        """Show it to everyone, or no longer; only a job of the system can be public."""
        return replace(self, owner=replace(self.owner, public=public))

    def _moved(self, status: Status, **changes: Any) -> "Job":
        if status not in MOVES[self.status]:
            raise IllegalTransition(self.id, self.status, status)
        return replace(self, status=status, **changes)


def short_id(job_id: UUID) -> str:
    """The last eight hex digits: the random part of a version 7 id."""
    return job_id.hex[-8:]


def _note(note: str | Mapping[str, Any]) -> Mapping[str, Any]:
    return {"text": note} if isinstance(note, str) else dict(note)
