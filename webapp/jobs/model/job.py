"""The job, its statuses and the table of legal transitions. Pure: every change returns a new value."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from types import MappingProxyType
from typing import Any
from uuid import UUID

from webapp.jobs.model.approval import ApprovalState
from webapp.jobs.model.progress import from_amounts
from webapp.jobs.model.value_rules import ID, NOTHING, TRUTH, text


class Status(StrEnum):
    """The status of a job. Pages show other words for it, see ``views/text/status_labels.py``."""

    HELD = "held"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    STALE = "stale"


class EventName(StrEnum):
    """The name of an event in a job's history. The outcome of an attempt is the event of its end."""

    CREATED = "created"
    QUEUED = "queued"
    SCHEDULED = "scheduled"
    STARTED = "started"
    LAUNCHED = "launched"  # its worker asked another system for a process
    BEGUN = "begun"  # that process has taken the job over
    CANCEL_REQUESTED = "cancel_requested"
    RETRIED = "retried"
    # the end of an attempt or of a job
    WAITING = "waiting"  # the root's own handler has returned
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    STALE = "stale"
    # the end of an attempt, after which the job continues
    LOST = "lost"
    INTERRUPTED = "interrupted"
    CONTINUED = "continued"  # in another work-horse
    UNKNOWN_TYPE = "unknown_type"  # the worker does not know the job's type
    RETRY_LATER = "retry_later"  # the handler asked for another attempt
    POSTPONED = "postponed"  # the handler asked to continue this attempt later
    ASKED = "asked"  # the handler asked a person, and continues when the answer is there
    # changes that operators make
    PRIORITISED = "prioritised"
    MADE_PUBLIC = "made_public"
    MADE_PRIVATE = "made_private"
    KEPT = "kept"
    KEPT_NO_LONGER = "kept_no_longer"
    TAGGED = "tagged"
    SHARED = "group_shared"
    UNSHARED = "group_unshared"
    EDITED = "edited"
    # of its approval
    APPROVED = "approval_given"
    REJECTED = "approval_refused"  # the job ends with it
    APPROVAL_EXPIRED = "approval_expired"  # the job ends with it
    # of its questions to people
    ANSWERED = "question_answered"
    ANSWER_EXPIRED = "question_expired"  # nobody answered in time
    # of its files
    FILE_REPLACED = "file_replaced"  # an output file, by a newer one of the same name


S = Status
UNCOUNTED = frozenset(  # use up no attempt
    {EventName.INTERRUPTED, EventName.CONTINUED, EventName.UNKNOWN_TYPE, EventName.POSTPONED, EventName.ASKED}
)
# the next start continues what this one has begun
GOES_ON = frozenset({EventName.CONTINUED, EventName.POSTPONED, EventName.ASKED})
COMPLETE = 100.0  # per cent
# What a job reports while it runs. It is cleared when the job must start again; the checkpoint is kept
NOT_STARTED: Mapping[str, Any] = MappingProxyType(
    {"progress": 0.0, "done": None, "total": None, "message": "", "started_at": None}
)
TERMINAL = frozenset({S.COMPLETED, S.FAILED, S.CANCELLED, S.STALE})
UNFINISHED = frozenset(Status) - TERMINAL
MOVES: Mapping[Status, frozenset[Status]] = MappingProxyType(
    {
        S.HELD: frozenset({S.QUEUED, S.SCHEDULED, S.CANCELLED, S.FAILED}),
        # to held: its input was changed, so that it needs approval
        S.SCHEDULED: frozenset({S.QUEUED, S.CANCELLED, S.HELD}),
        S.QUEUED: frozenset({S.RUNNING, S.SCHEDULED, S.CANCELLED, S.FAILED, S.HELD}),
        # to held: it has asked a person
        S.RUNNING: frozenset({S.WAITING, S.COMPLETED, S.FAILED, S.CANCELLED, S.STALE, S.SCHEDULED, S.QUEUED, S.HELD}),
        S.WAITING: frozenset({S.COMPLETED, S.FAILED, S.CANCELLED, S.STALE}),
        # to waiting: only a root whose own handler has returned, when some of its children run again
        # to held: when it runs again together with a job that it follows
        S.FAILED: frozenset({S.QUEUED, S.WAITING, S.HELD}),
        S.CANCELLED: frozenset({S.QUEUED, S.WAITING, S.HELD}),
        S.STALE: frozenset({S.QUEUED, S.WAITING, S.HELD}),
        S.COMPLETED: frozenset(),
    }
)


class BadRequest(ValueError):
    """Raised when a job cannot be created as requested. The message says why."""


class IllegalTransition(Exception):
    """Raised when a job's status cannot change to the requested one."""

    def __init__(self, job_id: UUID, old: Status, new: Status) -> None:
        """Name the job and both statuses."""
        super().__init__(f"Job {short_id(job_id)} is {old} and cannot become {new}.")


class NotApproved(IllegalTransition):
    """Raised when a job that needs approval and does not have it would start, or start again."""

    def __init__(self, job_id: UUID) -> None:
        """Name the job."""
        Exception.__init__(self, f"Job {short_id(job_id)} needs approval and does not have it, so it cannot start.")


class WaitsForAnswer(IllegalTransition):
    """Raised when a job that waits for the answer of a person would start."""

    def __init__(self, job_id: UUID) -> None:
        """Name the job."""
        Exception.__init__(self, f"Job {short_id(job_id)} waits for an answer, so it cannot start.")


_OWNER_RULES = (("user_id", NOTHING | ID), ("public", TRUTH), ("tenant", NOTHING | text(80)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The owner of a job: a user, or the system (``user_id`` is None). Only system jobs can be public."""

    user_id: UUID | None = None
    public: bool = False
    tenant: str | None = None

    def __post_init__(self) -> None:
        """Refuse a public job of a user, and values that no row can hold."""
        for name, rule in _OWNER_RULES:
            if objection := rule.objection(name, getattr(self, name)):
                raise TypeError(objection)
        if self.public and self.user_id is not None:
            message = "Only jobs of the system can be public."
            raise ValueError(message)


SYSTEM = Owner()
ASKED_USER = "user:"  # in front of the id of a user whom a job asks
NO_QUEUE = ""  # the queue of record-only jobs: workers never claim from it and no wake-up names it


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One request to run a job type. Times are aware UTC datetimes; ``None`` means "not yet".

    ``progress`` is a percentage, 0.0 to 100.0; ``done`` and ``total`` are the amounts behind it.
    ``warnings`` and ``errors`` are diagnostics (``{"text", "at"}``), oldest first. ``payload`` is the
    stored JSON, with encrypted secrets. ``next_key`` is the unique key that the job is waiting for,
    ``rate_key`` the key by which its starts are counted.
    ``parts_failed`` includes ``parts_stale``.
    ``attempt`` is the fence: it increases with every start. ``uncounted_attempts`` of these used up no attempt
    (slices, interruptions), and ``max_attempts`` includes them; people and policies read `attempt_number` and
    `attempts_allowed`. ``version`` increases with every write.
    ``approval`` is an `ApprovalState`, None for a job that needs none; ``approval_ends_at`` is until when somebody can
    decide. ``edited_by`` is the user who last changed its input. ``asked_of`` is who must answer the question that it
    waits for: ``user:…``, ``role:…`` or ``group:…``; None if it waits for none. ``shared_with`` is the name of a group
    whose members can read it; child jobs have that of their root.
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
    parts_stale: int = 0
    tolerant: bool = False
    has_dependents: bool = False
    record_only: bool = False
    again_of: UUID | None = None
    attempt: int = 0
    max_attempts: int = 1
    uncounted_attempts: int = 0
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
    tags: tuple[str, ...] = ()
    approval: str | None = None
    approval_ends_at: datetime | None = None
    edited_by: UUID | None = None
    asked_of: str | None = None
    rate_key: str | None = None
    shared_with: str | None = None

    def __post_init__(self) -> None:
        """Refuse a job without an identity; rows are trusted for the rest."""
        if not isinstance(self.id, UUID):
            raise TypeError(ID.objection("id", self.id))
        if not self.type or not isinstance(self.type, str):
            raise ValueError(text(80).objection("type", self.type))

    @property
    def public(self) -> bool:
        """Whether every user can see it."""
        return self.owner.public

    @property
    def tenant(self) -> str | None:
        """The tenant of the owner, if several tenants share the installation."""
        return self.owner.tenant

    @property
    def is_new(self) -> bool:
        """Whether no worker has claimed it yet."""
        return self.status in {S.HELD, S.SCHEDULED, S.QUEUED}

    @property
    def waits_for_approval(self) -> bool:
        """Whether it cannot start before somebody has approved it."""
        return self.status is S.HELD and self.approval == ApprovalState.PENDING

    @property
    def waits_for_answer(self) -> bool:
        """Whether it has asked a person and continues when the answer is there."""
        return self.status is S.HELD and self.asked_of is not None

    @property
    def may_run(self) -> bool:
        """Whether it needs no approval, or has it. A job that may not run can only end."""
        return self.approval in {None, ApprovalState.APPROVED}

    @property
    def waits_for_rate(self) -> bool:
        """Whether it was its turn, and the rate of its type lets it start later."""
        return self.status is S.SCHEDULED and self.run_at is None and self.rate_key is not None

    @property
    def is_running(self) -> bool:
        """Whether an attempt is running."""
        return self.status is S.RUNNING

    @property
    def is_finished(self) -> bool:
        """Whether it has ended, successfully or not."""
        return self.status in TERMINAL

    @property
    def has_warnings(self) -> bool:
        """Whether it has at least one warning."""
        return bool(self.warnings)

    @property
    def has_errors(self) -> bool:
        """Whether it has at least one error."""
        return bool(self.errors)

    @property
    def done_with_warnings(self) -> bool:
        """Whether it has completed with at least one warning."""
        return self.status is S.COMPLETED and self.has_warnings

    @property
    def parts_left(self) -> int:
        """The number of children that have not ended."""
        return self.parts - self.parts_completed - self.parts_failed - self.parts_cancelled

    @property
    def attempt_number(self) -> int:
        """The number of the attempt, without the starts that used up none."""
        return self.attempt - self.uncounted_attempts

    @property
    def attempts_allowed(self) -> int:
        """How many attempts it has, without the starts that used up none."""
        return self.max_attempts - self.uncounted_attempts

    @property
    def short_id(self) -> str:
        """The short form of the id that pages and messages show."""
        return short_id(self.id)

    def fingerprint(self) -> str:
        """Return a tag that changes whenever something that pages show of the job may have changed."""
        return blake2b(f"{self.id}:{self.version}:{self.status}".encode(), digest_size=8).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return every field by name, and ``done_with_warnings``; datetimes and UUIDs are not converted."""
        return {**asdict(self), "done_with_warnings": self.done_with_warnings}

    def mark_running(self) -> "Job":
        """Start a new attempt."""
        return self._with_status(S.RUNNING, attempt=self.attempt + 1)

    def mark_completed(self) -> "Job":
        """End it successfully, with 100 per cent progress."""
        return self._with_status(S.COMPLETED, progress=COMPLETE)

    def mark_failed(self, errors: Sequence[str | Mapping[str, Any]] = ()) -> "Job":
        """End it unsuccessfully and add ``errors``; its progress stays."""
        return self._with_status(S.FAILED, errors=(*self.errors, *map(_as_mapping, errors)))

    def mark_cancelled(self, kind: str = "cooperative") -> "Job":
        """End it because a user stopped it; ``kind`` is ``before_start``, ``cooperative`` or ``forced``."""
        return self._with_status(S.CANCELLED, cancel_kind=kind)

    def mark_stale(self, errors: Sequence[str | Mapping[str, Any]] = ()) -> "Job":
        """End it because its outcome is unknown, and add ``errors``; its progress stays."""
        return self._with_status(S.STALE, errors=(*self.errors, *map(_as_mapping, errors)))

    def mark_queued(self) -> "Job":
        """Let a worker claim it from now on."""
        return self._with_status(S.QUEUED, **NOT_STARTED)

    def with_progress(self, percent: float) -> "Job":
        """Set the progress; raises ``ValueError`` outside 0 to 100."""
        if not 0.0 <= percent <= COMPLETE:
            message = f"Progress must be between 0 and 100 per cent, not {percent!r}."
            raise ValueError(message)
        return replace(self, progress=float(percent))

    def with_progress_from_amounts(self, done: float, total: float | None = None) -> "Job":
        """Set the progress from amounts, clamped to 0 to 100; see `progress.from_amounts`."""
        percent = from_amounts(self.progress, done, total)
        return replace(self, progress=percent, done=done, total=total)

    def with_message(self, text: str) -> "Job":
        """Replace the message that says what it is doing."""
        return replace(self, message=text)

    def with_warnings(self, warnings: Sequence[str | Mapping[str, Any]]) -> "Job":
        """Replace the warnings."""
        return replace(self, warnings=tuple(map(_as_mapping, warnings)))

    def with_errors(self, errors: Sequence[str | Mapping[str, Any]]) -> "Job":
        """Replace the errors."""
        return replace(self, errors=tuple(map(_as_mapping, errors)))

    def with_metadata(self, metadata: Mapping[str, Any]) -> "Job":
        """Replace the application's own data."""
        return replace(self, metadata=dict(metadata))

    def with_state(self, state: Mapping[str, Any]) -> "Job":
        """Replace the checkpoint."""
        return replace(self, state=dict(state))

    def with_public(self, public: bool) -> "Job":  # noqa: FBT001  (the method's name explains it)
        """Show it to every user, or stop doing so; raises ``ValueError`` for a user's job."""
        return replace(self, owner=replace(self.owner, public=public))

    def _with_status(self, status: Status, **changes: Any) -> "Job":
        if status not in MOVES[self.status]:
            raise IllegalTransition(self.id, self.status, status)
        if status not in TERMINAL and not self.may_run:
            raise NotApproved(self.id)
        if status not in TERMINAL and self.waits_for_answer:
            raise WaitsForAnswer(self.id)
        return replace(self, status=status, **changes)


def short_id(job_id: UUID) -> str:
    """Return the last eight hex digits, which are random in a version 7 UUID."""
    return job_id.hex[-8:]


def _as_mapping(diagnostic: str | Mapping[str, Any]) -> Mapping[str, Any]:
    return {"text": diagnostic} if isinstance(diagnostic, str) else dict(diagnostic)
