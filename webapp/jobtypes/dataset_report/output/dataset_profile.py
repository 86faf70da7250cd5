"""The profile of a table: the values that the report shows and profile.json contains."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from webapp.jobtypes.dataset_report.stats.column import Column, Measures
from webapp.jobtypes.dataset_report.stats.distribution import Histogram, Lengths, RunningStats, histogram, quantiles
from webapp.jobtypes.dataset_report.stats.value_kinds import DATED, NUMERIC, ValueKind, kind_of_column

SHARES = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}
TOP = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The distribution of numbers, or of dates as seconds since 1970. None: cannot be computed."""

    minimum: float
    maximum: float
    mean: float | None
    deviation: float | None
    quantiles: Mapping[str, float]
    histogram: Histogram | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """A column with ``count`` values, ``strays`` of which do not have its type."""

    name: str
    kind: ValueKind
    count: int
    missing: int
    distinct: int
    exact: bool
    top: tuple[tuple[str, int], ...]
    summary: Summary | None
    lengths: Lengths
    strays: int
    stray_examples: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Present and missing together."""
        return self.count + self.missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The whole table."""

    name: str
    size: int
    rows: int
    skipped: int
    repaired: int
    problems: tuple[str, ...]
    facts: Mapping[str, str]
    columns: tuple[ColumnProfile, ...]


def profile_of(column: Column) -> ColumnProfile:
    """Return the profile of a column that was read to its end."""
    measures = column.values.measures()
    kind, strays = kind_of_column(measures.kinds)
    count = measures.kinds.total()
    return ColumnProfile(
        name=column.name,
        kind=kind,
        count=count,
        missing=column.missing,
        distinct=min(column.values.distinct(), count),
        exact=column.values.exact,
        top=tuple(column.values.top(TOP)),
        summary=_summary(measures, kind),
        lengths=column.values.lengths(),
        strays=strays,
        stray_examples=tuple(measures.text_examples) if strays else (),
    )


def _summary(measures: Measures, kind: ValueKind) -> Summary | None:
    if kind in NUMERIC:
        return _summary_of(measures.numbers, whole=kind is ValueKind.INTEGER)
    return _summary_of(measures.dates, whole=False) if kind in DATED else None


def _summary_of(spread: RunningStats, *, whole: bool) -> Summary:
    points = spread.quantiles.points()
    return Summary(
        minimum=spread.low,
        maximum=spread.high,
        mean=spread.mean if isfinite(spread.mean) else None,
        deviation=spread.deviation,
        quantiles=dict(zip(SHARES, quantiles(points, tuple(SHARES.values())), strict=True)),
        histogram=histogram(points, whole=whole),
    )
