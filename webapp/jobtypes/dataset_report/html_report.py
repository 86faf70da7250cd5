"""Write the report: the profile as a single page without scripts, in the language of its reader."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from webapp.jobtypes.dataset_report.alerts import alerts
from webapp.jobtypes.dataset_report.comparison import Comparison
from webapp.jobtypes.dataset_report.dataset_profile import ColumnProfile, Profile
from webapp.jobtypes.dataset_report.report_words import ReportWords
from webapp.jobtypes.tables.values.column_formats import NUMERIC

TEMPLATES = Path(__file__).parent / "templates"
MOST_DETAILED = 300  # columns; larger pages are slow in browsers, and profile.json contains all columns
MOST_PREVIEWED = 20  # columns of the first and last rows
CHUNK = 64
WIDTH, HEIGHT, GAP = 600, 100, 2
LEAST = 1.5  # a bar for a single row must be visible
LABELS = 5


def write_report(profile: Profile, comparison: Comparison | None, language: str, out: BinaryIO) -> None:
    """Render the page in chunks."""
    words = ReportWords(language)
    template = _environment().get_template("report.html")
    pieces = template.stream(**_context(profile, comparison, words))
    pieces.enable_buffering(CHUNK)
    for piece in pieces:  # noqa: FURB122 - an attachment promises write() only
        out.write(piece.encode("utf-8", "replace"))


def _context(profile: Profile, comparison: Comparison | None, words: ReportWords) -> dict[str, Any]:
    columns = profile.columns[:MOST_DETAILED]
    cells = profile.rows * len(profile.columns)
    return {
        "profile": profile,
        "comparison": comparison,
        "columns": columns,
        "with_gaps": [(place, column) for place, column in enumerate(columns, 1) if any(column.gaps)],
        "numeric": sorted({place for pair in profile.correlations for place in pair[:2]}),
        "r": {(one, two): value for one, two, value in profile.correlations},
        "alerts": [(place, words.sentence(note)) for place, note in alerts(profile) if (place or 0) < MOST_DETAILED],
        "missing": words.share(sum(column.missing for column in profile.columns), cells),
        "previewed": profile.columns[:MOST_PREVIEWED],
        "words": words,
        "_": words.markup,
        "bars": lambda column: _bars(column, words),
        "labels": lambda column: _labels(column, words),
        "is_numeric": lambda column: column.kind in NUMERIC,
    }


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramBar:
    """A rectangle in a picture that is 600 wide and 100 high, with its tooltip."""

    x: float
    y: float
    width: float
    height: float
    title: str


def _bars(column: ColumnProfile, words: ReportWords) -> Iterator[HistogramBar]:
    """Yield the bars from left to right, without empty ones."""
    bars = column.summary.bars if column.summary else ()
    step = WIDTH / len(bars) if bars else 0
    highest = max((bar.count for bar in bars), default=0)
    for place, bar in enumerate(bars):
        height = max(LEAST, HEIGHT * bar.count / highest)
        if bar.count:
            yield HistogramBar(
                x=round(place * step + min(GAP, step / 4) / 2, 2),
                y=round(HEIGHT - height, 2),
                width=round(step - min(GAP, step / 4), 2),
                height=round(height, 2),
                title=f"{_range(column, bar.low, bar.high, words)}: {words.whole(bar.count)}",
            )


def _range(column: ColumnProfile, low: float, high: float, words: ReportWords) -> str:
    if (column.summary and column.summary.unit) or (column.format.kind == "integer" and high - low == 1):
        return words.edge(low, column)
    return f"{words.edge(low, column)} \N{EN DASH} {words.edge(high, column)}"


def _labels(column: ColumnProfile, words: ReportWords) -> list[str]:
    """Return the labels of the axis, from its begin to its end at equal distances."""
    bars = column.summary.bars if column.summary else ()
    if not bars:
        return []
    edges = [bar.low for bar in bars] + [bars[-1].high]
    number = min(LABELS, len(edges))
    places = [round(place * (len(edges) - 1) / (number - 1)) for place in range(number)]
    return list(dict.fromkeys(words.edge(edges[place], column) for place in places))
