"""Set and remove the limits of a user or a role; pages and the API call these."""

from dataclasses import dataclass
from uuid import UUID

from flask import abort

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.user import Role
from webapp.jobs.budgets.budget import MonthlyBudget, of_role, of_user
from webapp.views.page.audit_log import audited
from webapp.views.page.request import services, signed_in
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A user or a role: ``key`` as in addresses and tables, ``title`` for pages, ``name`` for the audit log."""

    key: str
    title: str
    name: str


def find_subject(key: str) -> Subject:
    """Return the user or the role of a key such as ``role:operator``; end the request with 404 if there is none."""
    kind, _colon, reference = key.partition(":")
    if kind == "role" and reference in {*Role}:
        title = _("Role: %(role)s", role=translated(reference))
        return Subject(key=of_role(reference), title=title, name=reference)
    try:
        user = services().accounts.get(UUID(reference)) if kind == "user" else None
    except ValueError:
        user = None
    if user is None:
        abort(404)
    return Subject(key=of_user(user.id), title=user.display_name, name=user.name)


def set_limits(subject: Subject, budget: MonthlyBudget) -> None:
    """Set the limits of a user or a role."""
    budgets = services().budgets
    before = budgets.of_subjects().get(subject.key)
    change = {"before": before.to_dict() if before else None, "after": budget.to_dict()}
    with audited(AuditAction.BUDGET_SET, AuditTarget.BUDGET, subject.key, name=subject.name, **change):
        budgets.set_limits(subject.key, budget, by=signed_in().id)


def clear_limits(subject: Subject) -> None:
    """Remove the limits of a user or a role, so that those of the role or of everyone apply."""
    budgets = services().budgets
    before = budgets.of_subjects().get(subject.key)
    if before is None:
        return
    change = {"before": before.to_dict()}
    with audited(AuditAction.BUDGET_CLEAR, AuditTarget.BUDGET, subject.key, name=subject.name, **change):
        budgets.clear_limits(subject.key)
