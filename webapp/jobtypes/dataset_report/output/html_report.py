"""Write report.html: the profile as a single page without scripts.

Histograms are bars in an SVG picture that is 100 units high; the template draws them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from webapp.jobtypes.dataset_report.output.dataset_profile import Profile
from webapp.jobtypes.dataset_report.stats.distribution import Histogram
from webapp.jobtypes.dataset_report.stats.number_text import (
    number_in_words,
    share_in_words,
    size_in_words,
    value_in_words,
)
from webapp.jobtypes.dataset_report.stats.value_kinds import ValueKind

TEMPLATES = Path(__file__).parent / "templates"
MOST_DETAILED = 300  # columns; larger pages are slow in browsers, and profile.json contains all columns
CHUNK = 64


def write_report(profile: Profile, out: BinaryIO) -> None:
    """Render the page in chunks."""
    template = _environment().get_template("report.html")
    pieces = template.stream(profile=profile, columns=profile.columns[:MOST_DETAILED], missing=_missing(profile))
    pieces.enable_buffering(CHUNK)
    for piece in pieces:  # noqa: FURB122 - an attachment promises write() only
        out.write(piece.encode("utf-8", "replace"))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number_in_words, "value": value_in_words, "size": size_in_words}
    environment.globals |= {"bars": bars, "share": share_in_words}
    return environment


def _missing(profile: Profile) -> str:
    cells = profile.rows * len(profile.columns)
    return share_in_words(sum(column.missing for column in profile.columns), cells)


WIDTH, HEIGHT = 600, 100
GAP = 2
LEAST = 1.5  # a bar for a single row must be visible


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramBar:
    """A rectangle with its tooltip."""

    x: float
    y: float
    width: float
    height: float
    title: str


def bars(histogram: Histogram, kind: ValueKind) -> Iterator[HistogramBar]:
    """Yield the bars from left to right, without empty ones."""
    step = WIDTH / len(histogram.counts)
    scale = HEIGHT / max(histogram.counts)
    for place, count in enumerate(histogram.counts):
        height = max(LEAST, count * scale)
        if count:
            yield HistogramBar(
                x=round(place * step + GAP / 2, 2),
                y=round(HEIGHT - height, 2),
                width=round(step - GAP, 2),
                height=round(height, 2),
                title=f"{_range(histogram, place, kind)}: {count:,}",
            )


def _range(histogram: Histogram, place: int, kind: ValueKind) -> str:
    step = (histogram.high - histogram.low) / len(histogram.counts)
    low, high = histogram.low + place * step, histogram.low + (place + 1) * step
    if kind is ValueKind.INTEGER and step == 1:
        return value_in_words(low + 0.5, kind)
    return f"{value_in_words(low, kind)} to {value_in_words(high, kind)}"
