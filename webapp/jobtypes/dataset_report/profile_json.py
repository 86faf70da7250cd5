"""Write profile.json: the profile for programs. Its names are an interface and do not change."""

import json
from collections.abc import Sequence
from typing import Any

from webapp.jobtypes.dataset_report.alerts import alerts
from webapp.jobtypes.dataset_report.comparison import Comparison
from webapp.jobtypes.dataset_report.dataset_profile import ColumnProfile, Profile, Summary
from webapp.jobtypes.tables.engine.figure_bins import moment_at
from webapp.jobtypes.tables.values.column_formats import DATED, ValueKind

FORMAT = 1


def profile_json(profile: Profile, comparison: Comparison | None) -> bytes:
    """Return the whole profile as JSON, UTF-8."""
    content = {
        "format": FORMAT,
        "file": {"name": profile.name, "size": profile.size, **{k.lower(): v for k, v in profile.facts.items()}},
        "made": {"at": profile.made_at.isoformat(), "by": profile.made_by, "job": profile.job},
        "rows": profile.rows,
        "rows_skipped": profile.skipped,
        "rows_repaired": profile.repaired,
        "duplicate_rows": profile.duplicates,
        "duplicate_rows_exact": profile.duplicates_exact,
        "problems": list(map(str, profile.problems)),
        "notes": list(map(str, profile.notes)),
        "alerts": [
            {"column": None if place is None else profile.columns[place].name, "text": str(note)}
            for place, note in alerts(profile)
        ],
        "columns": [_column(column) for column in profile.columns],
        "correlations": [
            {"columns": [profile.columns[one].name, profile.columns[two].name], "r": value}
            for one, two, value in profile.correlations
        ],
        "first_rows": list(map(list, profile.first)),
        "last_rows": list(map(list, profile.last)),
        **({"comparison": _comparison(comparison)} if comparison else {}),
    }
    return json.dumps(content, indent=1, ensure_ascii=True, allow_nan=False).encode()


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "file": comparison.name,
        "rows": comparison.rows,
        "added": list(comparison.added),
        "removed": list(comparison.removed),
        "changes": list(map(str, comparison.changes)),
    }


def _column(column: ColumnProfile) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": column.kind.value,
        "unit": column.format.unit,
        "count": column.count,
        "missing": column.missing,
        "distinct": column.distinct,
        "exact": column.exact,
        "strays": {"count": column.strays, "examples": list(column.stray_examples)},
        "top_values": [{"value": value, "count": count} for value, count in column.top],
        "length": {"min": column.shortest, "mean": column.mean_length, "max": column.longest},
        "missing_in_stripes": list(column.gaps),
        **(_summary(column.summary, column.kind) if column.summary else {}),
    }


def _summary(summary: Summary, kind: ValueKind) -> dict[str, Any]:
    bars = summary.bars
    return {
        "min": _value(summary.minimum, kind),
        "max": _value(summary.maximum, kind),
        "mean": _value(summary.mean, kind),
        "standard_deviation": summary.deviation,
        "zeros": summary.zeros,
        "quantiles": {name: _value(number, kind) for name, number in summary.quantiles.items()},
        "histogram": {
            "low": _value(bars[0].low, kind),
            "high": _value(bars[-1].high, kind),
            "edges": _edges([bar.low for bar in bars], kind),
            "counts": [bar.count for bar in bars],
        }
        if bars
        else None,
    }


def _edges(numbers: Sequence[float], kind: ValueKind) -> list[float | str | None]:
    return [_value(number, kind) for number in numbers]


def _value(number: float | None, kind: ValueKind) -> float | str | None:
    if number is None:
        return None
    if kind in DATED:
        moment = moment_at(number)
        return moment.date().isoformat() if kind is ValueKind.DATE else moment.isoformat()
    return int(number) if kind is ValueKind.INTEGER and number.is_integer() else number
