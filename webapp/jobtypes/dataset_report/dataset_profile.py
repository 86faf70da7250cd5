"""The profile of a table, as profile.json contains it and the report shows it. Its names are an interface."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from webapp.jobtypes.dataset_report.alerts import alerts
from webapp.jobtypes.tables.engine.analysis import Figures
from webapp.jobtypes.tables.engine.figure_bins import moment_at
from webapp.jobtypes.tables.job_table import JobTable
from webapp.jobtypes.tables.notes import Note
from webapp.jobtypes.tables.values.column_formats import DATED, MOSTLY, NUMERIC, ColumnFormat, ValueKind

FORMAT = 1
_WIDE = "The first %(count)s of %(total)s columns are described."
SHARES = ("p05", "p25", "p50", "p75", "p95")

Profile = dict[str, Any]  # JSON, with `Note` for sentences


def profile_of(
    read: JobTable,
    formats: Sequence[ColumnFormat],
    figures: Figures,
    *,
    file: Mapping[str, Any],
    made: Mapping[str, Any],
) -> Profile:
    """Return the profile of the columns that have formats; ``file`` and ``made`` say what, when and by whom."""
    table, width = read.table, len(formats)
    left_out = len(table.names) - width
    described = [*zip(table.names[:width], formats, figures.columns, strict=True)]
    columns = [
        _column(name, form, found, rows=table.rows, exact=figures.is_exact, gaps=figures.gaps.get(place, ()))
        for place, (name, form, found) in enumerate(described)
    ]
    profile = {
        "format": FORMAT,
        "file": {**file, **{name.lower(): fact for name, fact in read.facts.items()}},
        "made": made,
        "rows": table.rows,
        "rows_skipped": read.problems.skipped,
        "rows_repaired": read.problems.repaired,
        "columns_left_out": left_out,
        "duplicate_rows": figures.duplicates,
        "duplicate_rows_exact": figures.duplicates_exact,
        "problems": read.problems.sentences,
        "notes": [*([Note(_WIDE, {"count": width, "total": len(table.names)})] if left_out else []), *read.notes],
        "columns": columns,
        "correlations": [
            {"columns": [table.names[one], table.names[two]], "r": value}
            for one, two, value in figures.correlations
            if {columns[one]["type"], columns[two]["type"]} <= {*NUMERIC}  # in the whole table, not in its sample only
        ],
        "first_rows": [row[:width] for row in table.first],
        "last_rows": [row[:width] for row in table.last if table.rows > len(table.first) + len(table.last)],
    }
    found = alerts(profile, formats, [int(column["fitting"] or 0) for column in figures.columns])
    return {**profile, "alerts": [{"column": column, "text": note} for column, note in found]}


def profile_json(profile: Profile) -> bytes:
    """Return the profile as JSON, UTF-8, with sentences in English."""
    return json.dumps(profile, indent=1, ensure_ascii=True, allow_nan=False, default=str).encode()


def _column(
    name: str, form: ColumnFormat, found: Mapping[str, Any], *, rows: int, exact: bool, gaps: Sequence[int]
) -> dict[str, Any]:
    kind, count = _kind(form, found), int(found["count"])
    has_values = kind in NUMERIC or kind in DATED
    return {
        "name": name,
        "type": kind.value,
        "unit": form.unit,
        "count": count,
        "missing": rows - count,
        "distinct": min(int(found["distinct"]), count),
        "exact": exact,
        "strays": {
            "count": count - int(found["fitting"]) if has_values else 0,
            "examples": found["strays"] if has_values else [],
        },
        "top_values": [{"value": value, "count": number} for value, number in found["top"]],
        "length": {"min": found["shortest"], "mean": found["mean_length"], "max": found["longest"]},
        "missing_in_stripes": gaps,
        **(_summary(found, kind) if has_values else {}),
    }


def _kind(form: ColumnFormat, found: Mapping[str, Any]) -> ValueKind:
    """The sample has suggested a kind; the whole column decides. A few strays do not make numbers text."""
    count, fitting = int(found["count"]), int(found["fitting"] or 0)
    if not count:
        return ValueKind.EMPTY
    if form.kind is ValueKind.BOOLEAN:
        return ValueKind.BOOLEAN if fitting == count else ValueKind.TEXT
    if form.kind not in (*NUMERIC, *DATED) or fitting < MOSTLY * count:
        return ValueKind.TEXT
    if form.kind in DATED:
        return ValueKind.DATETIME if found["clocks"] else ValueKind.DATE
    return ValueKind.NUMBER if found["fractions"] else form.kind


def _summary(found: Mapping[str, Any], kind: ValueKind) -> dict[str, Any]:
    quantiles = found["quantiles"] or [None] * len(SHARES)
    return {
        "min": _value(found["minimum"], kind),
        "max": _value(found["maximum"], kind),
        "mean": _value(found["mean"], kind),
        "standard_deviation": found["deviation"],
        "zeros": int(found["zeros"] or 0),
        "quantiles": {name: _value(value, kind) for name, value in zip(SHARES, quantiles, strict=True)},
        "histogram": found["bins"] and _histogram(found, kind),
    }


def _histogram(found: Mapping[str, Any], kind: ValueKind) -> dict[str, Any]:
    """Return the bars: so many values from each edge up to the next; the outer ones include everything beyond."""
    edges, counts = found["bins"]["edges"], found["bins"]["counts"]
    edges = [min(found["minimum"], edges[0]), *edges[1:-1], max(found["maximum"], edges[-1])]
    *lows, high = (_value(edge, kind) for edge in edges)
    return {"low": lows[0], "high": high, "edges": lows, "counts": counts, "unit": found["bins"]["unit"]}


def _value(number: float | None, kind: ValueKind) -> float | str | None:
    if number is None:
        return None
    if kind in DATED:
        moment = moment_at(number)
        return moment.date().isoformat() if kind is ValueKind.DATE else moment.isoformat()
    return int(number) if kind is ValueKind.INTEGER and float(number).is_integer() else number
