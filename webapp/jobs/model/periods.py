"""Periods as users write them, in commands and in the filters of pages: 90s, 10m, 24h, 1d12h."""

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
