"""Divide the values of a column into bins with round edges; dates into years, months, days or hours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import floor, inf, isfinite, log10
from typing import Any

MOST = 24
DAY = 86_400.0  # seconds
UNITS = (("year", 8 * 365 * DAY), ("month", 90 * DAY), ("day", 4 * DAY), ("hour", 0.0))
MOST_UNITS = 400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = -62_135_596_800, 253_402_300_799  # the years 1 and 9999 in seconds since 1970


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """The edges of the bins, in order; the unit of dates."""

    edges: Sequence[float]
    unit: str = ""

    @property
    def begins(self) -> Sequence[float]:
        """Where each bin begins; the first one includes everything below."""
        return [-inf, *self.edges[1:-1]]

    def counted(self, counts: Sequence[int]) -> dict[str, Any]:
        """Return the bins with their counts, without empty ones at the ends."""
        filled = [place for place, count in enumerate(counts) if count] or [0]
        first, last = filled[0], filled[-1] + 1
        return {"edges": list(self.edges[first : last + 1]), "counts": counts[first:last], "unit": self.unit}


def bins_of(column: Mapping[str, Any], kind: str) -> Bins | None:
    """Return the bins of a column, None if it has only one value, or no numbers."""
    low, high = column["minimum"], column["maximum"]
    if low is None or low == high or not isfinite(high - low) or kind in {"text", "boolean", "empty"}:
        return None
    if kind in {"date", "date and time"}:
        edges = _date_edges(low, high, unit := _unit(high - low, kind))
        return Bins(edges=edges, unit=unit) if edges else None
    is_whole = kind == "integer" and high - low < MOST and not column["fractions"]
    step = 1.0 if is_whole else _round_step((high - low) / MOST)
    start = floor(low / step)
    if not isfinite(low / step) or (start + 1) * step <= start * step:
        return None
    return Bins(edges=[place * step for place in range(start, floor(high / step) + 2)])


def _unit(period: float, kind: str) -> str:
    unit = next(unit for unit, least in UNITS if period >= least)
    return "day" if kind == "date" and unit == "hour" else unit


def moment_at(seconds: float) -> datetime:
    """Return the datetime of seconds since 1970; a zone can put it just outside of the range of datetime."""
    return _EPOCH + timedelta(seconds=max(_FIRST, min(seconds, _LAST)))


def _date_edges(low: float, high: float, unit: str) -> list[float]:
    if unit in {"day", "hour"}:
        step = DAY if unit == "day" else DAY / 24
        return [place * step for place in range(floor(low / step), floor(high / step) + 2)]
    months = 12 if unit == "year" else 1
    first, last = ((moment.year * 12 + moment.month - 1) // months for moment in map(moment_at, (low, high)))
    places = range(max(first, 12 // months), min(last + 2, 120_000 // months))
    if len(places) > MOST_UNITS:
        return []
    return [_seconds(place * months // 12, place * months % 12 + 1) for place in places]


def _seconds(year: int, month: int) -> float:
    return (datetime(year, month, 1, tzinfo=UTC) - _EPOCH).total_seconds() if year < 10_000 else _LAST + 1.0  # noqa: PLR2004


def _round_step(least: float) -> float:
    """Return 1, 2 or 5 times a power of ten, not below ``least``."""
    power = 10.0 ** floor(log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * 0.999)
