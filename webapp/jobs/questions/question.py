"""What a question is: its text, whom it asks, until when, and what became of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from webapp.jobs.model import value_rules
from webapp.jobs.model.job import ASKED_USER, Owner
from webapp.jobs.model.value_rules import ID, NOTHING, ValueRule

NAME_LIMIT = 80  # characters, as in the schema
TEXT_LIMIT = 2000
ROLES = ("user", "auditor", "operator", "admin")
_GROUP_LIMIT = 80
_FALLBACK_ROLE = "operator"  # asked by jobs of the system
_RULES: Mapping[str, ValueRule] = MappingProxyType(
    {
        "role": NOTHING | value_rules.one_of(ROLES),
        "group": NOTHING | value_rules.text(_GROUP_LIMIT),
        "user": NOTHING | ID,
    }
)


class QuestionState(StrEnum):
    """What became of a question."""

    OPEN = "open"  # it can be answered, while its job waits for it
    ANSWERED = "answered"
    EXPIRED = "expired"  # its answer is the default, if it has one
    WITHDRAWN = "withdrawn"  # its job has ended without the answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Respondent:
    """Who answers a question: everybody of at least a role, the members of a group, or one user."""

    role: str | None = None
    group: str | None = None
    user: UUID | None = None

    def __post_init__(self) -> None:
        """Raise ``ValueError`` unless exactly one of the three is given."""
        values = {name: getattr(self, name) for name in _RULES}
        if objection := value_rules.first_objection(values, _RULES):
            raise ValueError(objection)
        if sum(value is not None for value in values.values()) != 1:
            message = "A question is put to a role, a group or a user: give exactly one of them."
            raise ValueError(message)

    @property
    def key(self) -> str:
        """The form in which the row of the job has it."""
        if self.user is not None:
            return user_key(self.user)
        return role_key(self.role) if self.role is not None else group_key(str(self.group))


def user_key(user_id: UUID) -> str:
    """Return whom a question to one user asks."""
    return f"{ASKED_USER}{user_id}"


def role_key(role: str) -> str:
    """Return whom a question to a role asks."""
    return f"role:{role}"


def group_key(name: str) -> str:
    """Return whom a question to the members of a group asks."""
    return f"group:{name}"


def respondent_of(key: str) -> Respondent:
    """Return the respondent of a stored key."""
    kind, _, value = key.partition(":")
    if kind == "user":
        return Respondent(user=UUID(value))
    return Respondent(role=value) if kind == "role" else Respondent(group=value)


def respondent(to: object, owner: Owner) -> Respondent:
    """Return whom ``to`` names: the id of a user, a role or a `Respondent`; the owner of the job if it is None.

    A job of the system asks operators. Raises ``ValueError`` for anything else.
    """
    if to is None:
        return Respondent(role=_FALLBACK_ROLE) if owner.user_id is None else Respondent(user=owner.user_id)
    if isinstance(to, Respondent):
        return to
    if isinstance(to, UUID):
        return Respondent(user=to)
    if isinstance(to, str) and to in ROLES:
        return Respondent(role=to)
    roles = ", ".join(ROLES)
    message = f"to must be the id of a user, a role ({roles}) or a Respondent, not {value_rules.shown(to)}."
    raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionDraft:
    """A question that a handler asks now; ``form`` names the class of the answer, ``default`` is JSON."""

    name: str
    text: str
    form: str
    asked_of: str
    ends_at: datetime | None = None
    remind_every: timedelta | None = None
    default: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question that a job has asked. ``answer`` is JSON; with `QuestionState.EXPIRED` it is the default, or None."""

    id: UUID
    job_id: UUID
    name: str
    text: str
    form: str
    asked_of: str
    default: Mapping[str, Any] | None
    asked_at: datetime
    ends_at: datetime | None
    state: QuestionState
    answer: Mapping[str, Any] | None
    answered_by: UUID | None
    closed_at: datetime | None
