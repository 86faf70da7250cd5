"""A histogram as bars in a picture of 100 units in height; the template draws them."""

from collections.abc import Iterator
from dataclasses import dataclass

from webapp.jobtypes.dataset_report.distribution import Histogram
from webapp.jobtypes.dataset_report.kinds import Kind
from webapp.jobtypes.dataset_report.wording import value_in_words

WIDTH, HEIGHT = 600, 100
GAP = 2
LEAST = 1.5  # a bar for a single row must still be seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A rectangle and what it says when pointed at."""

    x: float
    y: float
    width: float
    height: float
    title: str


def bars(histogram: Histogram, kind: Kind) -> Iterator[Bar]:
    """Yield the bars from left to right, those without rows left out."""
    step = WIDTH / len(histogram.counts)
    scale = HEIGHT / max(histogram.counts)
    for place, count in enumerate(histogram.counts):
        height = max(LEAST, count * scale)
        if count:
            yield Bar(
                x=round(place * step + GAP / 2, 2),
                y=round(HEIGHT - height, 2),
                width=round(step - GAP, 2),
                height=round(height, 2),
                title=f"{_range(histogram, place, kind)}: {count:,}",
            )


def _range(histogram: Histogram, place: int, kind: Kind) -> str:
    step = (histogram.high - histogram.low) / len(histogram.counts)
    low, high = histogram.low + place * step, histogram.low + (place + 1) * step
    if kind is Kind.INTEGER and step == 1:
        return value_in_words(low + 0.5, kind)
    return f"{value_in_words(low, kind)} to {value_in_words(high, kind)}"
