"""Budgets of another installation. The installation checks everything."""

from typing import Any
from uuid import UUID

from webapp.cli.remote.connection import Connection
from webapp.jobs.budgets.budget import LIMITS, MonthlyBudget, Usage, UserBudget


class RemoteBudgets:
    """Lists and changes budgets."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> tuple[UserBudget, ...]:
        """Return the budgets by the names of users."""
        return tuple(map(_user_budget, self._connection.items("/budgets")))

    def of_user(self, user_id: UUID) -> tuple[MonthlyBudget, Usage]:
        """Return the limits of a user, and what was used in this month."""
        own = _user_budget(self._connection.get("/me/budget"))
        found = own if own.user_id == user_id else next((user for user in self.all() if user.user_id == user_id), None)
        return (found.budget, found.usage) if found else (MonthlyBudget(), Usage())

    def set_limits(self, subject: str, budget: MonthlyBudget) -> None:
        """Set the limits of a user or a role."""
        self._connection.send("PUT", f"/budgets/{subject}", budget.to_dict())

    def clear_limits(self, subject: str) -> None:
        """Remove the limits of a user or a role."""
        self._connection.send("DELETE", f"/budgets/{subject}")


def _user_budget(document: Any) -> UserBudget:
    return UserBudget(
        user_id=UUID(document["user_id"]),
        name=document["name"],
        role=document["role"],
        budget=MonthlyBudget(**document["limits"]),
        usage=Usage(**{name: document["used"][name] for name in LIMITS}),
        source="",
    )
