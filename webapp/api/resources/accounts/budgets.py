"""Budgets: the token's own, and for those who see the installation those of all users; admins set limits."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from webapp.accounts.permissions import Right
from webapp.accounts.tokens import Scope
from webapp.api.lists import Page, page_reply
from webapp.api.operations import Answer, Operations
from webapp.api.problems import InvalidInput
from webapp.jobs.budgets.budget import InvalidBudget, MonthlyBudget
from webapp.jobs.budgets.month import Month
from webapp.views.budgets import changes
from webapp.views.page.request import services, signed_in

operations = Operations("budgets")
SUBJECT = "/budgets/<subject>"


class LimitsDocument(BaseModel):
    """Limits of one user in a calendar month of the installation's time zone. Null is unlimited."""

    model_config = ConfigDict(extra="forbid")

    jobs: int | None = Field(default=None, description="Jobs that are started, retried or run again, without children.")
    cpu_seconds: float | None = Field(default=None, description="Processor time.")
    memory_gb_hours: float | None = Field(default=None, description="The peak memory of each attempt by its time.")


class UsageDocument(BaseModel):
    """What was used in this month."""

    model_config = ConfigDict(extra="forbid")

    jobs: int
    cpu_seconds: float
    memory_gb_hours: float


class BudgetDocument(BaseModel):
    """A budget and what was used of it. `used_up` names the limits that are reached: no job can start."""

    model_config = ConfigDict(extra="forbid")

    user_id: UUID
    name: str
    role: str
    month: str
    until: AwareDatetime = Field(description="When counting begins again.")
    limits: LimitsDocument
    used: UsageDocument
    used_up: list[str]


_LIMITS = Answer(model=LimitsDocument, description="The limits.")


@operations.add(
    "GET", "/me/budget", scope=Scope.READ, answers={200: Answer(model=BudgetDocument, description="The budget.")}
)
def get_own_budget() -> Any:
    """Get the budget of the account. Without budgets, everything is unlimited."""
    user = signed_in()
    limits, usage = services().budgets.of_user(user.id)
    return _document(services().budgets.month(), (user.id, user.name, user.role), limits, usage)


@operations.add(
    "GET",
    "/budgets",
    scope=Scope.READ,
    right=Right.SEE_INSTALLATION,
    answers={200: Answer(model=Page[BudgetDocument], description="The budgets.")},
)
def list_budgets() -> Any:
    """List the budgets of users who have used something in this month, or have limits of their own."""
    found, month = services().budgets.all(), services().budgets.month()
    rows = [_document(month, (user.user_id, user.name, user.role), user.budget, user.usage) for user in found]
    return page_reply(rows, following=None)


@operations.add("GET", SUBJECT, scope=Scope.READ, right=Right.SEE_INSTALLATION, answers={200: _LIMITS})
def get_limits(subject: str) -> Any:
    """Get the limits that were set for a user or a role.

    `subject` is `user:` with the ID of a user, or `role:` with a role. Without limits of its own, all are null.
    """
    found = changes.find_subject(subject)
    return (services().budgets.of_subjects().get(found.key) or MonthlyBudget()).to_dict()


@operations.add(
    "PUT", SUBJECT, scope=Scope.ADMIN, right=Right.CHANGE_USERS, body=LimitsDocument, answers={200: _LIMITS}
)
def set_limits(subject: str, body: LimitsDocument) -> Any:
    """Set the limits of a user, or of the users of a role who have none of their own.

    `subject` is `user:` with the ID of a user, or `role:` with a role. Members that are not sent are unlimited.
    """
    found = changes.find_subject(subject)
    try:
        budget = MonthlyBudget(**body.model_dump())
    except InvalidBudget as error:
        raise InvalidInput(
            *({"pointer": f"#/{name}", "detail": sentence} for name, sentence in error.errors.items())
        ) from None
    changes.set_limits(found, budget)
    return budget.to_dict()


@operations.add(
    "DELETE",
    SUBJECT,
    scope=Scope.ADMIN,
    right=Right.CHANGE_USERS,
    answers={204: Answer(description="They were removed.")},
)
def remove_limits(subject: str) -> Any:
    """Remove the limits of a user or a role, so that those of the role or of everyone apply."""
    changes.clear_limits(changes.find_subject(subject))


def _document(month: Month, user: tuple[UUID, str, str], limits: MonthlyBudget, usage: Any) -> dict[str, Any]:
    user_id, name, role = user
    until: datetime = month.ends_at
    return {
        "user_id": user_id,
        "name": name,
        "role": role,
        "month": month.name,
        "until": until,
        "limits": limits.to_dict(),
        "used": {field: getattr(usage, field) for field in UsageDocument.model_fields},
        "used_up": list(usage.used_up(limits)),
    }
