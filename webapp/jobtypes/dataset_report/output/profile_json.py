"""Write profile.json: the profile for programs. Its names are an interface and do not change."""

import json
from typing import Any

from webapp.jobtypes.dataset_report.output.dataset_profile import ColumnProfile, Profile, Summary
from webapp.jobtypes.dataset_report.stats.value_kinds import DATED, ValueKind, moment_at

FORMAT = 1


def profile_json(profile: Profile) -> bytes:
    """Return the whole profile as JSON, UTF-8."""
    content = {
        "format": FORMAT,
        "file": {"name": profile.name, "size": profile.size, **{k.lower(): v for k, v in profile.facts.items()}},
        "rows": profile.rows,
        "rows_skipped": profile.skipped,
        "rows_repaired": profile.repaired,
        "problems": list(profile.problems),
        "columns": [_column(column) for column in profile.columns],
    }
    return json.dumps(content, indent=1, ensure_ascii=True, allow_nan=False).encode()


def _column(column: ColumnProfile) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": column.kind.value,
        "count": column.count,
        "missing": column.missing,
        "distinct": column.distinct,
        "exact": column.exact,
        "strays": {"count": column.strays, "examples": list(column.stray_examples)},
        "top_values": [{"value": value, "count": count} for value, count in column.top],
        "length": {
            "min": column.lengths.shortest,
            "mean": column.lengths.mean,
            "max": column.lengths.longest if column.count else None,
        },
        **(_summary(column.summary, column.kind) if column.summary else {}),
    }


def _summary(summary: Summary, kind: ValueKind) -> dict[str, Any]:
    bars = summary.histogram
    return {
        "min": _value(summary.minimum, kind),
        "max": _value(summary.maximum, kind),
        "mean": _value(summary.mean, kind),
        "standard_deviation": summary.deviation,
        "quantiles": {name: _value(number, kind) for name, number in summary.quantiles.items()},
        "histogram": bars
        and {"low": _value(bars.low, kind), "high": _value(bars.high, kind), "counts": list(bars.counts)},
    }


def _value(number: float | None, kind: ValueKind) -> float | str | None:
    if number is None or kind not in DATED:
        return number
    moment = moment_at(number)
    return moment.date().isoformat() if kind is ValueKind.DATE else moment.isoformat()
