"""The signed-in user's own budget, as other pages show it."""

from dataclasses import dataclass

from flask_babel import format_date

from webapp.views.budgets.bars import BudgetBar, budget_bars
from webapp.views.page.request import services, signed_in
from webapp.views.text.date_format import full_date
from webapp.views.text.stored_messages import translated


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnBudget:
    """What the user has used in this month; ``refusal`` says why no job can start, if so."""

    bars: tuple[BudgetBar, ...]
    month: str
    begins_again: str
    refusal: str


def own_budget() -> OwnBudget | None:
    """Return the budget of the signed-in user; ``None`` where there are no budgets."""
    budgets = services().budgets
    if not budgets.are_on:
        return None
    limits, usage = budgets.of_user(signed_in().id)
    month = budgets.month()
    refused = budgets.refusal_of(usage, limits)
    return OwnBudget(
        bars=budget_bars(limits, usage),
        month=format_date(month.begins_at, "MMMM y"),
        begins_again=full_date(month.ends_at),
        refusal=translated(str(refused)) if refused else "",
    )
