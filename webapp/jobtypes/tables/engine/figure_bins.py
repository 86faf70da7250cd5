"""Divide the values of a column into bins with round edges; dates into years, months, days or hours."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor, isfinite, log10
from typing import Any

MOST = 24
BEYOND = 8  # bins outside of what a sample had; the last ones take everything beyond
DAY = 86_400.0  # seconds
UNITS = (("year", 15 * 365 * DAY), ("month", 90 * DAY), ("day", 4 * DAY), ("hour", 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """The first edge and the width of numeric bins; the unit of dates, whose bins begin at their own time."""

    start: float
    step: float
    unit: str = ""

    def sql(self, value: str) -> str:
        """Return the number of a value's bin, or the begin of a date's unit in seconds since 1970."""
        if self.unit:
            return f"epoch(date_trunc('{self.unit}', make_timestamp(({value} * 1000000)::BIGINT)))::BIGINT"
        place = f"floor(({value} - {self.start!r}) / {self.step!r})"
        return f"least(greatest({place}, {-BEYOND}), {MOST + BEYOND})::BIGINT"


def bins_of(column: Mapping[str, Any], kind: str) -> Bins | None:
    """Return the bins of a column; None if it has no numbers and dates, or only one value."""
    low, high = column["minimum"], column["maximum"]
    if low is None or low == high or not isfinite(high - low) or kind in {"text", "boolean", "empty"}:
        return None
    if kind in {"date", "date and time"}:
        return Bins(start=low, step=0.0, unit=next(unit for unit, least in UNITS if high - low >= least))
    step = (
        1.0 if kind == "integer" and high - low < MOST and not column["fractions"] else _round_step((high - low) / MOST)
    )
    start = floor(low / step) * step
    return Bins(start=start, step=step) if isfinite(start / step) and start + step > start else None


def _round_step(least: float) -> float:
    """Return 1, 2 or 5 times a power of ten, not below ``least``."""
    power = 10.0 ** floor(log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * 0.999)
