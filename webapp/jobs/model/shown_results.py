"""Results that a handler shows on the page of its job: a table, a text in Markdown, a chart, a link. Pure.

Each is stored as an output file whose media type says what it is, so that it is kept, downloaded and deleted as any
other file. Everything is bounded: what is too long is cut, and `ShownFile.cut` says so.
"""

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import islice
from math import isfinite
from typing import Any
from urllib.parse import urlsplit

from webapp.formula_escape import neutral
from webapp.jobs.model.incoming_text import clean_text

TABLE_TYPE = "text/csv; shown=1"
MARKDOWN_TYPE = "text/markdown; shown=1"
CHART_TYPE = "application/vnd.deskjob.chart+json"
LINK_TYPE = "application/vnd.deskjob.link+json"
PAGE_ONLY_TYPES = frozenset({CHART_TYPE, LINK_TYPE})  # of little use as a download
TITLE_LIMIT = 120  # characters
CELL_LIMIT = 1000  # characters
ROWS_LIMIT = 10_000
COLUMNS_LIMIT = 100
MARKDOWN_LIMIT = 100_000  # characters
POINTS_LIMIT = 500  # labels of a chart
SERIES_LIMIT = 6  # as many as can be distinguished
CHARTS = ("bar", "line")
_ADDRESS_LIMIT = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFile:
    """The file of a result; ``cut`` has a sentence for each thing that was left out."""

    name: str
    content: str
    media_type: str
    cut: tuple[str, ...] = ()


def table_file(title: str, rows: Iterable[Any], columns: Sequence[str] | None = None) -> ShownFile:
    """Return a table: ``rows`` are sequences of cells, or mappings by column (``columns`` defaults to the first's).

    A cell that a spreadsheet would run as a formula is escaped.
    """
    title, remaining = _title(title), iter(rows)
    found = list(islice(remaining, ROWS_LIMIT))
    more = next(remaining, None) is not None
    if columns is None and found and isinstance(found[0], Mapping):
        columns = list(found[0])
    if isinstance(columns, str) or not columns:
        message = f"The table {title!r} needs columns: a list of their names, or rows that are mappings."
        raise ValueError(message)
    written = StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow([_cell(name) for name in columns[:COLUMNS_LIMIT]])
    for row in found:
        writer.writerow([_cell(value) for value in _cells(row, columns)[:COLUMNS_LIMIT]])
    cut = [f"{ROWS_LIMIT:,} rows"] if more else []
    cut += [f"{COLUMNS_LIMIT} columns"] if len(columns) > COLUMNS_LIMIT else []
    return ShownFile(
        name=f"{_stem(title)}.csv",
        content=written.getvalue(),
        media_type=TABLE_TYPE,
        cut=_cut(f"The table {title}", cut),
    )


def markdown_file(title: str, text: str) -> ShownFile:
    """Return a text in Markdown."""
    title = _title(title)
    cut = [f"{MARKDOWN_LIMIT:,} characters"] if len(text) > MARKDOWN_LIMIT else []
    content = clean_text(text, MARKDOWN_LIMIT)
    return ShownFile(
        name=f"{_stem(title)}.md", content=content, media_type=MARKDOWN_TYPE, cut=_cut(f"The text {title}", cut)
    )


def chart_file(
    title: str,
    labels: Iterable[Any],
    series: Mapping[str, Iterable[float | None]] | Iterable[float | None],
    *,
    kind: str = "bar",
    unit: str = "",
) -> ShownFile:
    """Return a chart of one value per label: a bar or a point; with a mapping, of several named series."""
    title = _title(title)
    if kind not in CHARTS:
        message = f"The kind of a chart must be one of {', '.join(map(repr, CHARTS))}, not {kind!r}."
        raise ValueError(message)
    named = series if isinstance(series, Mapping) else {title: series}
    shown_labels = [clean_text(label, TITLE_LIMIT) for label in labels]
    shown = [
        {"name": clean_text(name, TITLE_LIMIT), "values": [_value(value, title) for value in values]}
        for name, values in named.items()
    ]
    for each in shown:
        if len(each["values"]) != len(shown_labels):
            message = f"{each['name']!r} in the chart {title!r} needs one value per label: {len(shown_labels)}."
            raise ValueError(message)
    cut = [f"{POINTS_LIMIT} values"] if len(shown_labels) > POINTS_LIMIT else []
    cut += [f"{SERIES_LIMIT} series"] if len(shown) > SERIES_LIMIT else []
    chart = {
        "title": title,
        "kind": kind,
        "unit": clean_text(unit, TITLE_LIMIT),
        "labels": shown_labels[:POINTS_LIMIT],
        "series": [{**each, "values": each["values"][:POINTS_LIMIT]} for each in shown[:SERIES_LIMIT]],
    }
    return _json_file(f"{_stem(title)}.chart.json", chart, CHART_TYPE, _cut(f"The chart {title}", cut))


def link_file(text: str, address: str) -> ShownFile:
    """Return a link: to a web page, a mail address (``mailto:``), or a page of this installation (``/jobs``)."""
    text = _title(text)
    if not is_safe_address(address):
        message = f"The link {text!r} needs an address with http:, https: or mailto:, or one that begins with a slash."
        raise ValueError(message)
    return _json_file(f"{_stem(text)}.link.json", {"text": text, "address": address}, LINK_TYPE)


def is_safe_address(address: object) -> bool:
    """Return whether an address can be a link: no script, no other site that looks like a path."""
    if not isinstance(address, str) or len(address) > _ADDRESS_LIMIT or not address.isprintable() or " " in address:
        return False
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    if parts.scheme in {"http", "https"}:
        return bool(parts.hostname)
    if parts.scheme == "mailto":
        return "@" in parts.path
    return not parts.scheme and not parts.netloc and address.startswith("/") and not address.startswith(("//", "/\\"))


def _json_file(name: str, values: Mapping[str, Any], media_type: str, cut: tuple[str, ...] = ()) -> ShownFile:
    return ShownFile(name=name, content=json.dumps(values, ensure_ascii=False), media_type=media_type, cut=cut)


def _title(title: str) -> str:
    cleaned = clean_text(title, TITLE_LIMIT).strip()
    if not cleaned:
        message = "A result needs a title."
        raise ValueError(message)
    return cleaned


def _stem(title: str) -> str:
    """Return a title as the stem of a file name; tables and texts are called by it, so it stays readable."""
    return re.sub(r"\s*[:|]\s*", " - ", title).replace("/", "-").replace("\\", "-")


def _cells(row: Any, columns: Sequence[str]) -> list[Any]:
    if isinstance(row, Mapping):
        return [row.get(name) for name in columns]
    if isinstance(row, str) or not isinstance(row, Iterable):
        message = f"A row must be a list of cells or a mapping, not {row!r}."
        raise TypeError(message)
    return list(row)


def _cell(value: Any) -> str:
    return "" if value is None else neutral(clean_text(value, CELL_LIMIT))


def _value(value: float | None, title: str) -> float | None:
    if value is None:
        return None
    number = float(value)
    if not isfinite(number):
        message = f"A value of the chart {title!r} must be a finite number or None, not {number}."
        raise ValueError(message)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _cut(what: str, places: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{what} was cut after {place}." for place in places)
