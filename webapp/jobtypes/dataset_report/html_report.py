"""Write the report: the profile as a single page without scripts, in the language of its reader."""

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from webapp.jobtypes.dataset_report.dataset_profile import Profile
from webapp.jobtypes.dataset_report.report_words import ReportWords
from webapp.jobtypes.tables.values.column_formats import NUMERIC, ValueKind

TEMPLATES = Path(__file__).parent / "templates"
MOST_DETAILED = 300  # columns; larger pages are slow in browsers, and profile.json contains all columns
MOST_PREVIEWED = 20  # columns of the first and last rows
CHUNK = 64
WIDTH, HEIGHT, GAP = 600, 100, 2
LEAST = 1.5  # a bar for a single row must be visible
LABELS = 5


def write_report(profile: Profile, language: str, out: BinaryIO) -> None:
    """Render the page in chunks."""
    words = ReportWords(language)
    template = _environment().get_template("report.html")
    pieces = template.stream(**_context(profile, words))
    pieces.enable_buffering(CHUNK)
    for piece in pieces:  # noqa: FURB122 - an attachment promises write() only
        out.write(piece.encode("utf-8", "replace"))


def _context(profile: Profile, words: ReportWords) -> dict[str, Any]:
    columns = profile["columns"][:MOST_DETAILED]
    places = {column["name"]: place for place, column in enumerate(columns, 1)}
    pairs = {tuple(pair["columns"]): pair["r"] for pair in profile["correlations"]}
    correlated = {name for pair in pairs for name in pair}
    cells = profile["rows"] * len(profile["columns"])
    return {
        "profile": profile,
        "comparison": profile.get("comparison"),
        "columns": columns,
        "width": len(profile["columns"]) + profile["columns_left_out"],
        "places": places,
        "with_gaps": [column for column in columns if any(column["missing_in_stripes"])],
        "numeric": [column["name"] for column in profile["columns"] if column["name"] in correlated],
        "r": pairs,
        "alerts": [
            (places.get(alert["column"]), words.sentence(alert["text"]))
            for alert in profile["alerts"]
            if alert["column"] is None or alert["column"] in places
        ],
        "missing": words.share(sum(column["missing"] for column in profile["columns"]), cells),
        "previewed": profile["columns"][:MOST_PREVIEWED],
        "words": words,
        "_": words.markup,
        "bars": lambda column: _bars(column, words),
        "labels": lambda column: _labels(column, words),
        "is_numeric": lambda column: column["type"] in NUMERIC,
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


def _bars(column: Mapping[str, Any], words: ReportWords) -> Iterator[Mapping[str, float | str]]:
    """Yield the rectangles from left to right, without empty ones, with their tooltips."""
    counts = column["histogram"]["counts"]
    step = WIDTH / len(counts)
    gap = min(GAP, step / 4)
    for place, ((low, high), count) in enumerate(zip(pairwise(_edges(column)), counts, strict=True)):
        height = max(LEAST, HEIGHT * count / max(counts))
        if count:
            yield {
                "x": round(place * step + gap / 2, 2),
                "y": round(HEIGHT - height, 2),
                "width": round(step - gap, 2),
                "height": round(height, 2),
                "title": f"{_range(column, low, high, words)}: {words.whole(count)}",
            }


def _range(column: Mapping[str, Any], low: Any, high: Any, words: ReportWords) -> str:
    if isinstance(low, str) or (column["type"] == ValueKind.INTEGER and high - low == 1):
        return words.edge(low, column)
    return f"{words.edge(low, column)} \N{EN DASH} {words.edge(high, column)}"


def _labels(column: Mapping[str, Any], words: ReportWords) -> list[str]:
    """Return the labels of the axis, from its begin to its end at equal distances."""
    edges = _edges(column)
    number = min(LABELS, len(edges))
    places = [round(place * (len(edges) - 1) / (number - 1)) for place in range(number)]
    return list(dict.fromkeys(words.edge(edges[place], column) for place in places))


def _edges(column: Mapping[str, Any]) -> list[Any]:
    return [*column["histogram"]["edges"], column["histogram"]["high"]]
