"""A line of small bars, hour by hour. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

_HOUR = timedelta(hours=1)
_WIDTH, _STEP, _HEIGHT = 3, 4, 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Spark:
    """The bars as ``(x, y, height)``, and the sum of what they show."""

    bars: tuple[tuple[int, float, float], ...]
    total: int
    width: int
    bar: int = _WIDTH
    height: int = _HEIGHT


def spark(counts: Mapping[datetime, int], now: datetime, hours: int) -> Spark:
    """Draw the last hours, the one that is filling among them; an hour with anything has at least a dot."""
    last = now.replace(minute=0, second=0, microsecond=0)
    numbers = [counts.get(last - place * _HOUR, 0) for place in range(hours - 1, -1, -1)]
    most = max(1, *numbers)
    heights = [max(2.0, round(number / most * _HEIGHT, 1)) if number else 0.0 for number in numbers]
    bars = tuple((place * _STEP, _HEIGHT - height, height) for place, height in enumerate(heights) if height)
    return Spark(bars=bars, total=sum(numbers), width=hours * _STEP)
