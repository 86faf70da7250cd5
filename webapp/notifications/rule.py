"""A notification rule as a value: what it reports, of which jobs, over which channel, and at which times. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from webapp.accounts.permissions import Right

DELIVERY_TYPE = "notification_delivery"  # the job type that delivers, which is never reported
DELIVERY_QUEUE = "notifications"


class Topic(StrEnum):
    """What a rule reports."""

    FINISHED = "finished"  # a job is done
    FAILED = "failed"  # the last attempt failed, or the job was lost
    RUNS_LONG = "runs_long"  # a job runs longer than a period
    NOT_DONE = "not_done"  # no job of a type was done by a time of day
    SCHEDULE_MISSED = "schedule_missed"  # a schedule started no job at its time
    QUEUE_WAITS = "queue_waits"  # a job waits longer than a period
    NO_WORKER = "no_worker"  # a queue has waiting jobs and no worker
    NEW_ERROR = "new_error"  # an error that never happened before
    NEEDS_APPROVAL = "needs_approval"  # a job waits for the approval of the rule's user
    NEEDS_ANSWER = "needs_answer"  # a job asks the rule's user, and waits


TEST = "test"  # what a test message reports, instead of a topic


class Channel(StrEnum):
    """How a message reaches its reader."""

    MAIL = "mail"
    WEBHOOK = "webhook"
    CHAT = "chat"


class Whose(StrEnum):
    """Whose jobs a rule covers."""

    OWN = "own"  # that the user owns or started
    ALL = "all"  # of everyone, as far as the user can see them


# only for users who can see the installation
RIGHTS: Mapping[Topic, Right] = MappingProxyType(
    dict.fromkeys((Topic.QUEUE_WAITS, Topic.NO_WORKER, Topic.NEW_ERROR), Right.SEE_INSTALLATION)
)
EVENTS = frozenset({Topic.FINISHED, Topic.FAILED})  # of jobs; the others are conditions that the clock looks at
TIMED = frozenset({Topic.RUNS_LONG, Topic.QUEUE_WAITS})  # need a period
BUNDLED = frozenset({Channel.MAIL, Channel.CHAT})  # one message for a burst; programs get each event


class InvalidRule(Exception):
    """Raised when a rule cannot be stored; ``errors`` maps fields to sentences for users."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        """Name every field."""
        self.errors = dict(errors)
        super().__init__(" ".join(self.errors.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleDraft:
    """What users choose. Times of day are "08:30" in ``zone``, or empty; an empty ``language`` is English.

    ``recipients`` are mail addresses; a user's own rule has none, it uses the address of the account. ``address`` is
    the one of a webhook or chat; empty keeps the stored one.
    """

    name: str
    topics: tuple[str, ...]
    channel: str
    whose: str = Whose.OWN
    owner_id: UUID | None = None
    type: str = ""
    queue: str = ""
    tag: str = ""
    seconds: int | None = None
    due_time: str = ""
    quiet_from: str = ""
    quiet_until: str = ""
    zone: str = ""
    language: str = ""
    recipients: tuple[str, ...] = ()
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationRule:
    """A stored rule. Without a ``user_id`` it is a rule of the installation.

    ``shown_address`` is the part of a webhook's or chat's address that is no secret; the rest is stored encrypted.
    """

    id: UUID
    user_id: UUID | None
    name: str
    topics: frozenset[Topic]
    channel: Channel
    whose: Whose
    owner_id: UUID | None
    type: str
    queue: str
    tag: str
    seconds: int | None
    due_time: str
    quiet_from: str
    quiet_until: str
    zone: str
    language: str
    recipients: tuple[str, ...]
    shown_address: str
    enabled: bool
    created_at: datetime
    created_by: UUID | None
    last_sent_at: datetime | None

    @property
    def bundles(self) -> bool:
        """Whether events that follow one another are sent together."""
        return self.channel in BUNDLED


def changed_draft(rule: NotificationRule, changes: Mapping[str, Any]) -> RuleDraft:
    """Return what was chosen for a rule, with changes. Without a new address, the old one stays."""
    chosen = {field.name: getattr(rule, field.name) for field in fields(RuleDraft) if field.name != "address"}
    drafted = {**chosen, **changes}
    return RuleDraft(**{**drafted, "topics": tuple(drafted["topics"]), "recipients": tuple(drafted["recipients"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTarget:
    """The secrets of a rule, decrypted: the address of a webhook or chat, and the key that signs a webhook."""

    address: str
    signing_key: str
