"""The profile of a table: the values that the report shows and profile.json contains."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from webapp.jobtypes.tables.engine.analysis import Figures
from webapp.jobtypes.tables.notes import Note
from webapp.jobtypes.tables.reading.canonical_table import CanonicalTable
from webapp.jobtypes.tables.reading.csv_rows import Row
from webapp.jobtypes.tables.values.column_formats import DATED, MOSTLY, NUMERIC, ColumnFormat, ValueKind

SHARES = ("p05", "p25", "p50", "p75", "p95")
FIRST_YEAR, LAST_YEAR = 1_500, 2_200  # whole numbers between them look like years


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """So many values from ``low`` up to but without ``high``; dates are seconds since 1970."""

    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The distribution of numbers, or of dates as seconds since 1970. None: cannot be computed."""

    minimum: float
    maximum: float
    mean: float | None
    deviation: float | None
    quantiles: Mapping[str, float]
    zeros: int
    bars: tuple[Bar, ...]
    unit: str  # of the bars, if they are dates


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """A column with ``count`` values, ``strays`` of which do not have its type; in text, ``fitting`` of which do."""

    name: str
    kind: ValueKind
    format: ColumnFormat
    count: int
    missing: int
    distinct: int
    exact: bool
    top: tuple[tuple[str, int], ...]
    summary: Summary | None
    shortest: int | None
    longest: int | None
    mean_length: float | None
    strays: int
    stray_examples: tuple[str, ...]
    fitting: int
    gaps: tuple[int, ...] = ()

    @property
    def rows(self) -> int:
        """Present and missing together."""
        return self.count + self.missing

    @property
    def has_years(self) -> bool:
        """Whether the whole numbers look like years, which have no mark between thousands."""
        low, high = (self.summary.minimum, self.summary.maximum) if self.summary else (0.0, 0.0)
        return self.kind is ValueKind.INTEGER and FIRST_YEAR <= low <= high <= LAST_YEAR


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The whole table, and where it comes from."""

    name: str
    size: int
    rows: int
    skipped: int
    repaired: int
    problems: tuple[Note, ...]
    notes: tuple[Note, ...]
    facts: Mapping[str, str]
    columns: tuple[ColumnProfile, ...]
    first: tuple[Row, ...]
    last: tuple[Row, ...]
    correlations: tuple[tuple[int, int, float], ...]
    duplicates: int | None
    duplicates_exact: bool
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    made_by: str = ""
    job: str = ""


def column_profiles(
    table: CanonicalTable, formats: Sequence[ColumnFormat], figures: Figures
) -> tuple[ColumnProfile, ...]:
    """Return the profile of each column."""
    return tuple(
        _column(name, each, found, table.rows, exact=figures.is_exact, gaps=tuple(figures.gaps.get(place, ())))
        for place, (name, each, found) in enumerate(zip(table.names, formats, figures.columns, strict=True))
    )


def numeric_only(
    correlations: Sequence[tuple[int, int, float]], columns: Sequence[ColumnProfile]
) -> tuple[tuple[int, int, float], ...]:
    """Return the correlations of columns that are numeric in the whole table, and not only in its sample."""
    return tuple(each for each in correlations if all(columns[place].kind in NUMERIC for place in each[:2]))


def _column(
    name: str, form: ColumnFormat, found: Mapping[str, Any], rows: int, *, exact: bool, gaps: tuple[int, ...]
) -> ColumnProfile:
    kind, count = _kind(form, found), int(found["count"])
    fits = kind in NUMERIC or kind in DATED
    return ColumnProfile(
        name=name,
        kind=kind,
        format=form,
        count=count,
        missing=rows - count,
        distinct=min(int(found["distinct"]), count),
        exact=exact,
        top=tuple((str(value), int(number)) for value, number in found["top"]),
        summary=_summary(found) if fits else None,
        shortest=found["shortest"],
        longest=found["longest"],
        mean_length=found["mean_length"],
        strays=count - int(found["fitting"]) if fits else 0,
        stray_examples=tuple(dict.fromkeys(found["strays"] or ())) if fits else (),
        fitting=int(found["fitting"] or 0) if kind is ValueKind.TEXT else 0,
        gaps=gaps,
    )


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


def _summary(found: Mapping[str, Any]) -> Summary:
    bins = found["bins"]
    return Summary(
        minimum=found["minimum"],
        maximum=found["maximum"],
        mean=found["mean"],
        deviation=found["deviation"],
        quantiles=dict(zip(SHARES, found["quantiles"], strict=True)),
        zeros=int(found["zeros"] or 0),
        bars=_bars(bins, found["minimum"], found["maximum"]) if bins else (),
        unit=bins["unit"] if bins else "",
    )


def _bars(bins: Mapping[str, Any], low: float, high: float) -> tuple[Bar, ...]:
    """Return the bars; the outer ones include everything beyond."""
    edges = bins["edges"]
    edges = [min(low, edges[0]), *edges[1:-1], max(high, edges[-1])]
    return tuple(Bar(low=one, high=two, count=n) for (one, two), n in zip(pairwise(edges), bins["counts"], strict=True))
