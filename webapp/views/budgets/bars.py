"""Budgets as bars: what was used of each limit, in words and in percent. Pure."""

from dataclasses import dataclass

from webapp.jobs.budgets.budget import LIMITS, MonthlyBudget, Usage
from webapp.views.text.number_format import decimal, number
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext

LABELS = {
    "jobs": lazy_gettext("Jobs"),
    "cpu_seconds": lazy_gettext("Processor time in seconds"),
    "memory_gb_hours": lazy_gettext("Memory in GB-hours"),
}
_WHOLE = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetBar:
    """One limit: ``percent`` is None without one, and at most 100."""

    name: str
    label: str
    text: str
    percent: float | None

    @property
    def is_used_up(self) -> bool:
        """Whether nothing is left."""
        return self.percent == _WHOLE


def budget_bars(budget: MonthlyBudget, usage: Usage) -> tuple[BudgetBar, ...]:
    """Return a bar for each limit, and for what has none."""
    return tuple(_bar(name, getattr(usage, name), getattr(budget, name)) for name in LIMITS)


def limits_text(budget: MonthlyBudget) -> str:
    """Return limits as one line: "Jobs: 500 · Memory in GB-hours: 20"."""
    found = ((name, getattr(budget, name)) for name in LIMITS)
    return " · ".join(f"{LABELS[name]}: {_figure(name, limit)}" for name, limit in found if limit) or _("unlimited")


def _bar(name: str, used: float, limit: float | None) -> BudgetBar:
    shown = _figure(name, used)
    if limit is None:
        return BudgetBar(name=name, label=str(LABELS[name]), text=shown, percent=None)
    text = _("%(used)s of %(limit)s", used=shown, limit=_figure(name, limit))
    return BudgetBar(name=name, label=str(LABELS[name]), text=text, percent=min(_WHOLE, _WHOLE * used / limit))


def _figure(name: str, value: float) -> str:
    return number(value) if name == "jobs" or value == int(value) else decimal(value, 2)
