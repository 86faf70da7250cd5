"""Periods as users write them (90s, 10m, 24h, 1d12h), and as stored messages show them (1 h 30 min)."""

import re
from datetime import timedelta

EXAMPLES = "90s, 10m, 24h, 1d12h"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_PERIOD = re.compile(r"(?:[0-9]{1,6}[smhd])+")
_LONGEST = timedelta(days=36_500)


def parse_period(text: str) -> timedelta | None:
    """Return the period; ``None`` if the text is not one."""
    parts = re.findall(r"([0-9]+)([smhd])", text) if _PERIOD.fullmatch(text) else []
    period = sum((timedelta(**{_UNITS[unit]: int(count)}) for count, unit in parts), timedelta())
    return period if parts and period <= _LONGEST else None


def period_in_units(period: timedelta) -> str:
    """Return a period for a stored message, in units that all languages share: "2 h", "1 h 30 min", "0.2 s"."""
    minutes, seconds = divmod(period.total_seconds(), 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = ((f"{hours:,}", "h"), (str(minutes), "min"), (f"{seconds:.3g}", "s"))
    return " ".join(f"{amount} {unit}" for amount, unit in parts if amount != "0") or "0 s"
