"""Approval: a job of some types waits until a second person has seen it and agrees. Pure.

The declaration says who that can be and for which payloads; `webapp.user_policy` turns it into permissions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from webapp.jobs.model import value_rules
from webapp.jobs.model.value_rules import NOTHING, TRUTH, ValueRule

_DEFAULT_ROLE = "operator"
_RULES: Mapping[str, ValueRule] = MappingProxyType(
    {
        "role": NOTHING | value_rules.one_of(["user", "auditor", "operator", "admin"]),
        "group": NOTHING | value_rules.text(80),
        "also_self": TRUTH,
        "expires": value_rules.period(),
        "when": NOTHING | ValueRule("a function of the payload", callable),
    }
)


class ApprovalState(StrEnum):
    """How far the approval of a job is. A job that is ``pending`` and has ended was stopped before a decision."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Who approves the jobs of a type: users of at least a role, or the members of a group, or who is both.

    Without ``role`` and ``group``, operators and admins do. Nobody approves a job that they have started, that
    belongs to them or whose input they have changed, unless ``also_self``. A job that nobody has approved or rejected
    ``expires``: it is cancelled. ``when`` is a function of the payload that returns whether the job needs approval at
    all; without it, each job does.
    """

    role: str | None = None
    group: str | None = None
    also_self: bool = False
    expires: timedelta = timedelta(days=7)
    when: Callable[[Any], bool] | None = None

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for a value that could not work when somebody decides."""
        if objection := value_rules.first_objection({name: getattr(self, name) for name in _RULES}, _RULES):
            raise ValueError(objection)

    @property
    def weakest_role(self) -> str | None:
        """The role that an approver needs at least; None if each member of the group can approve."""
        return _DEFAULT_ROLE if self.role is None and self.group is None else self.role

    def is_needed_for(self, payload: Any) -> bool:
        """Return whether a job with this payload must be approved."""
        return self.when is None or bool(self.when(payload))
