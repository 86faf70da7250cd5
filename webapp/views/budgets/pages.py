"""The pages of budgets: use against limits of every user, and the limits of a user or a role."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_date

from webapp.accounts.permissions import Right
from webapp.accounts.user import Role
from webapp.jobs.budgets.budget import (
    LIMITS,
    BudgetsTurnedOff,
    InvalidBudget,
    MonthlyBudget,
    UserBudget,
    of_role,
    of_user,
)
from webapp.views.budgets import changes
from webapp.views.budgets.bars import LABELS, BudgetBar, budget_bars, limits_text
from webapp.views.page.permissions import require, require_for_all
from webapp.views.page.request import services
from webapp.views.text.date_format import full_date
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext

bp = Blueprint("budgets", __name__, url_prefix="/admin/budgets")
require_for_all(bp, Right.SEE_INSTALLATION)
_SOURCES = {"user": lazy_gettext("own limits"), "role": lazy_gettext("limits of the role"), "default": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRow:
    """A user's use; ``source`` says whose limits apply, empty for those of everyone."""

    key: str
    name: str
    role: str
    source: str
    bars: tuple[BudgetBar, ...]
    is_used_up: bool


@bp.get("")
def index() -> ResponseReturnValue:
    """List the users who have used something in this month, and the limits of roles."""
    budgets = services().budgets
    month = budgets.month()
    limits = budgets.of_subjects()
    found = sorted(budgets.all(), key=lambda user: (not user.used_up, user.name)) if budgets.are_on else ()
    return render_template(
        "budgets/index.html",
        are_on=budgets.are_on,
        rows=tuple(map(_row, found)),
        labels=[str(LABELS[name]) for name in LIMITS],
        default=limits_text(budgets.default or MonthlyBudget()),
        roles=[(of_role(role), role, _text(limits.get(of_role(role)))) for role in Role],
        month=format_date(month.begins_at, "MMMM y"),
        begins_again=full_date(month.ends_at),
    )


@bp.get("/<subject>")
def edit(subject: str) -> ResponseReturnValue:
    """Show the limits of a user or a role."""
    return _form(changes.find_subject(subject))


@bp.post("/<subject>")
@require(Right.CHANGE_USERS)
def save(subject: str) -> ResponseReturnValue:
    """Set the limits of a user or a role."""
    found = changes.find_subject(subject)
    try:
        changes.set_limits(found, MonthlyBudget.typed(request.form))
    except InvalidBudget as error:
        errors = {name: translated(sentence) for name, sentence in error.errors.items()}
        return _form(found, typed=request.form, errors=errors), 422
    except BudgetsTurnedOff as error:
        abort(409, str(error))
    return redirect(url_for("budgets.index"), 303)


@bp.post("/<subject>/clear")
@require(Right.CHANGE_USERS)
def clear(subject: str) -> ResponseReturnValue:
    """Remove the limits of a user or a role."""
    changes.clear_limits(changes.find_subject(subject))
    return redirect(url_for("budgets.index"), 303)


def _form(
    subject: changes.Subject, typed: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None
) -> str:
    budgets = services().budgets
    own = budgets.of_subjects().get(subject.key)
    stored = {name: _plain(limit) for name, limit in (own or MonthlyBudget()).to_dict().items()}
    return render_template(
        "budgets/edit.html",
        subject=subject,
        are_on=budgets.are_on,
        fields=[(name, str(LABELS[name]), (typed or stored).get(name, "")) for name in LIMITS],
        errors=errors or {},
        has_own=own is not None,
        default=limits_text(budgets.default or MonthlyBudget()),
    )


def _row(user: UserBudget) -> BudgetRow:
    return BudgetRow(
        key=of_user(user.user_id),
        name=user.name,
        role=translated(user.role),
        source=str(_SOURCES[user.source]),
        bars=budget_bars(user.budget, user.usage),
        is_used_up=bool(user.used_up),
    )


def _text(budget: MonthlyBudget | None) -> str:
    return _("as everyone") if budget is None else limits_text(budget)


def _plain(limit: Any) -> str:
    return "" if limit is None else f"{limit:.10g}"
