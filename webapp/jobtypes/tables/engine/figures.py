"""Compute the figures of a canonical table with DuckDB; runs in a process of its own.

The table is read from its file and never held in memory. Figures of up to `EXACT_ROWS` rows and `EXACT_TABLE` cells are
exact. Of a larger table, those are exact that one pass can count: values, minimum, maximum, mean, and how often the
values occur that are frequent in its sample. Distributions, deviations, correlations and what is missing where are
those of the sample, and the numbers of different values and of repeated rows are estimates.

That pass uses only aggregates that DuckDB updates column by column. A single other one, such as `histogram`, makes it
update all of them row by row, which takes twice the time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, combinations, islice, pairwise
from math import isfinite
from typing import Any

import duckdb

from webapp.jobtypes.tables.engine.figure_bins import DAY, Bins, bins_of
from webapp.jobtypes.tables.sql_text import CELL, quoted

EXACT_ROWS, EXACT_TABLE = 100_000, 1_000_000  # rows and cells of all but `WIDE` tables
COLUMNS, EXACT_COLUMNS = 16, 256  # in one query; plans and memory grow with the square of the expressions
EXACT_CELLS = 2_000_000  # in one query
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
TOP, CANDIDATES = 10, 16
WIDE = 200  # columns
SHOWN, LONGEST = 200, 10_000  # characters of a value in the report, and of one to count
STRAYS = 3
MOST_COMPARED, COMPARED_AT_ONCE = 1_000_000, 100_000  # rows whose hashes are held in memory, and of one list
STRIPES = 60  # of the picture of missing cells
MOST_CORRELATED, FEW = 12, 3  # columns; rows that tell nothing about two of them
MOST_CONNECTED = 100  # columns in the picture of missing cells
DATES = ("date", "date and time")
WITHOUT_VALUES = ("text", "empty")
FIGURES = (
    *("count", "distinct", "shortest", "longest", "mean_length", "fitting", "minimum", "maximum", "mean", "deviation"),
    *("zeros", "fractions", "clocks", "quantiles", "strays", "top", "bins"),
)


def figures(
    table: Mapping[str, Any],
    columns: Sequence[Mapping[str, Any]],
    *,
    sample: Mapping[str, Any] | None = None,
    **limits: Any,
) -> Iterator[dict[str, Any]]:
    """Yield ``{"done": share}`` while it goes on, and at the end the figures of each column and of the table.

    ``columns`` have ``value``, the SQL of a number in the cell `CELL`, and ``kind``. ``table`` is a canonical
    table, and so is ``sample``, which a table of more than `EXACT_ROWS` rows needs.
    """
    whole = TableFigures(table, columns, **limits)
    is_small = whole.rows <= EXACT_ROWS and (whole.rows * len(columns) <= EXACT_TABLE or len(columns) > WIDE)
    is_exact = is_small or sample is None
    described = whole if is_exact else TableFigures(sample or table, columns, **limits)
    found: list[dict[str, Any]] = []
    for places in _batches(len(columns), max(1, min(EXACT_COLUMNS, EXACT_CELLS // max(1, described.rows)))):
        found += described.exact(places)
        yield {"done": len(found) / len(columns) * (0.8 if is_exact else 0.1)}
    correlations, gaps = described.correlations(found), described.gaps(found, whole.rows)
    for places in () if is_exact else _batches(len(columns), COLUMNS):
        found[places.start : places.stop] = whole.counted(places, found[places.start : places.stop])
        yield {"done": places.stop / len(columns)}
    duplicates, duplicates_exact = whole.duplicates()
    yield {
        "columns": [
            {**column, "top": [(value[:SHOWN], count) for value, count in column["top"][:TOP]]} for column in found
        ],
        "correlations": correlations,
        "duplicates": duplicates,
        "duplicates_exact": duplicates_exact,
        "gaps": gaps,
        "is_exact": is_exact,
    }


def _batches(width: int, size: int) -> list[range]:
    return [range(at, min(at + size, width)) for at in range(0, width, size)]


# Of the table ``found``, by column
_SUMMARY = {
    "count": "sum(n)::BIGINT",
    "distinct": "count(*)",
    "shortest": "min(length(x))",
    "longest": "max(length(x))",
    "mean_length": "sum(length(x) * n) / sum(n)",
    "top": f"min({{'n': -n, 'x': x}}, {CANDIDATES})",
    "fitting": "coalesce(sum(n) FILTER (v IS NOT NULL), 0)::BIGINT",
    "minimum": "min(v)",
    "maximum": "max(v)",
    "zeros": "sum(n) FILTER (v = 0)",
    "fractions": "sum(n) FILTER (v <> trunc(v))",
    "clocks": f"sum(n) FILTER (v % {DAY} <> 0)",
    "strays": f"min(x, {STRAYS}) FILTER (v IS NULL)",
}
# Of the values, each as often as it occurs
_SPREAD = {"mean": "avg(v)", "quantiles": f"quantile_cont(v, {list(SHARES)})", "deviation": "stddev_samp(v)"}


class TableFigures:
    """The table in DuckDB."""

    def __init__(
        self, table: Mapping[str, Any], columns: Sequence[Mapping[str, Any]], *, missing: Sequence[str], **limits: Any
    ) -> None:
        self._columns = columns
        self.rows = int(table["rows"])
        self._repeated: int | None = None
        if self.rows <= EXACT_ROWS:  # a second thread would start and stop in vain
            limits["threads"] = 1
        self._db = connect(**limits)
        self._file = scan_of(table, len(columns), missing)
        if len(columns) > WIDE:  # each query would read all columns to compute the figures of some
            self._db.execute(f"CREATE TABLE cells AS SELECT * FROM {self._file}")
            self._file = "cells"

    def exact(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """Return the exact figures of these columns, from their different values and how often each occurs."""
        self._count_values(places)
        summary = self._by_column(_SUMMARY, "found")
        spread = self._by_column(_SPREAD, "(SELECT c, v, unnest(range(n)) FROM found WHERE v IS NOT NULL)")
        columns = {
            place: dict.fromkeys(FIGURES) | {"count": 0, "distinct": 0} | summary.get(place, {}) | spread.get(place, {})
            for place in places
        }
        bins = {place: bins_of(column, self._columns[place]["kind"]) for place, column in columns.items()}
        counts = self._count_bins({place: each for place, each in bins.items() if each})
        for place, column in columns.items():
            column["top"] = [(each["x"], -each["n"]) for each in column["top"] or ()]
            column["bins"] = (each := bins[place]) and each.counted(counts[place])
        return [*map(_sound, columns.values())]

    def _count_values(self, places: Sequence[int]) -> None:
        """Create the table ``found``: of each column ``c`` the cells ``x``, how often each occurs, and its value ``v``.

        One query for all columns is planned in the time of one for a single column, which is longer than it runs.
        """
        expressions: dict[str, list[int]] = {}
        for place in places:
            expressions.setdefault(self._columns[place]["value"], []).append(place)
        values = " ".join(f"WHEN c IN {(*of, -1)} THEN {value.replace(CELL, 'x')}" for value, of in expressions.items())
        cells = f"SELECT unnest({[*places]}) AS c, unnest([{', '.join(f'c{place}' for place in places)}]) AS x"
        self._db.execute(
            f"CREATE OR REPLACE TEMP TABLE found AS SELECT c, x, n, CASE {values} END AS v FROM "
            f"(SELECT c, x, count(*) AS n FROM ({cells} FROM {self._file}) WHERE x IS NOT NULL GROUP BY c, x)"
        )

    def _by_column(self, wanted: Mapping[str, str], table: str) -> dict[int, dict[str, Any]]:
        rows = self._db.execute(f"SELECT c, {', '.join(wanted.values())} FROM {table} GROUP BY c").fetchall()
        return {place: dict(zip(wanted, row, strict=True)) for place, *row in rows}

    def _count_bins(self, bins: Mapping[int, Bins]) -> dict[int, list[int]]:
        """Return how many values are in each bin; the outer ones include everything beyond."""
        counts = {place: [0] * (len(each.edges) - 1) for place, each in bins.items()}
        begins = [(place, at, edge) for place, each in bins.items() for at, edge in enumerate(each.begins)]
        edges = "SELECT unnest(?::INT[]) AS c, unnest(?::INT[]) AS bin, unnest(?::DOUBLE[]) AS begin"
        joined = f"found ASOF JOIN ({edges}) AS edges ON found.c = edges.c AND v >= begin"
        query = f"SELECT found.c, bin, sum(n) FROM {joined} GROUP BY ALL"
        for place, at, count in (
            self._db.execute(query, [*map(list, zip(*begins, strict=True))]).fetchall() if begins else ()
        ):
            counts[place][at] = count
        return counts

    def counted(self, places: Sequence[int], sampled: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return the figures of a sample, with those that can be counted in one pass instead of the sample's."""
        values = [_candidates(column) for column in sampled]
        wanted = [
            {
                **self._summary(place),
                "distinct": f"approx_count_distinct(x{place})",
                **{f"is {at}": f"count_if(x{place} = {quoted(value)})" for at, value in enumerate(frequent)},
            }
            for place, frequent in zip(places, values, strict=True)
        ]
        if len(places) == len(self._columns):  # one pass less
            wanted.append({"hashes": self._hashes(f"x{place}" for place in places)})
        rows = self._aggregates(places, wanted)
        self._repeated = rows.pop()["hashes"] if len(rows) > len(places) else None
        found = []
        for column, frequent, row in zip(sampled, values, rows, strict=True):
            top = [(value, int(row.pop(f"is {at}"))) for at, value in enumerate(frequent)]
            strays = [*column["strays"], *(row.pop("strays", None) or ())]
            found.append(
                _sound({**column, **row, "top": sorted(top, key=lambda value: (-value[1], value[0])), "strays": strays})
            )
            if column["bins"]:
                found[-1]["bins"] = _scaled(column["bins"], row["fitting"])
        return found

    def _summary(self, place: int) -> dict[str, str]:
        """Return the aggregates that are exact and cheap in a table of any size."""
        x, v, kind = f"x{place}", f"v{place}", self._columns[place]["kind"]
        if kind in WITHOUT_VALUES:
            return {"count": f"count({x})", **self._lengths(x)}
        return {
            "count": f"count({x})",
            "fitting": f"count({v})",
            "minimum": f"min({v})",
            "maximum": f"max({v})",
            "mean": f"avg({v})",
            "zeros": f"count_if({v} = 0)",
            "fractions": f"count_if({v} <> trunc({v}))" if kind == "integer" else "0",
            "clocks": f"count_if({v} % {DAY} <> 0)" if kind in DATES else "0",
            "strays": f"min({x}, {STRAYS}) FILTER (WHERE {v} IS NULL)",
        }

    @staticmethod
    def _lengths(cell: str) -> dict[str, str]:
        length = f"length({cell})"
        return {"shortest": f"min({length})", "longest": f"max({length})", "mean_length": f"avg({length})"}

    def gaps(self, found: Sequence[Mapping[str, Any]], rows: int) -> dict[str, list[int]]:
        """Return the missing cells of the columns that have some, in stripes of rows from the first to the last.

        In a sample, they stand for those of so many ``rows``.
        """
        places = [place for place, column in enumerate(found) if column["count"] < self.rows][:MOST_CONNECTED]
        if not places or self.rows < 2:  # noqa: PLR2004
            return {}
        stripes = min(STRIPES, self.rows)
        self._db.execute("SET threads = 1")  # rows come in the order of the file then
        counts = ", ".join(f"count(*) - count(x{place})" for place in places)
        found_rows = self._db.execute(
            f"SELECT stripe, {counts} FROM (SELECT (row_number() OVER () - 1) * {stripes} // {self.rows} AS stripe, * "
            f"FROM ({self._cells(places)})) GROUP BY stripe ORDER BY stripe"
        ).fetchall()
        return {
            str(place): [round(row[at] * rows / self.rows) for row in found_rows] for at, place in enumerate(places, 1)
        }

    def correlations(self, found: Sequence[Mapping[str, Any]]) -> list[tuple[int, int, float]]:
        """Return the correlation of each two of the first numeric columns that have different values."""
        numeric = [
            place
            for place, column in enumerate(found)
            if self._columns[place]["kind"] in {"integer", "number"} and column["minimum"] != column["maximum"]
        ][: MOST_CORRELATED if self.rows >= FEW else 0]
        pairs = [*combinations(numeric, 2)]
        values = self._query(numeric, [f"corr(v{one}, v{two})" for one, two in pairs]) if pairs else ()
        return [
            (one, two, value)
            for (one, two), value in zip(pairs, values, strict=True)
            if value is not None and isfinite(value)
        ]

    def duplicates(self) -> tuple[int | None, bool]:
        """Return the number of rows that repeat an earlier one, and whether it is exact; None: too much to compare.

        In a large table they are counted among the rows whose hash is in a part of all hashes. Equal rows have equal
        hashes, so that each part has as large a share of repeated rows as the table.
        """
        if len(self._columns) > WIDE:
            return None, True
        if self._repeated is None:
            hashes = self._hashes(f"c{place}" for place in range(len(self._columns)))
            [[self._repeated]] = self._db.execute(f"SELECT {hashes} FROM {self._file}").fetchall()
        return int(self._repeated or 0) * self._parts, self._parts == 1

    @property
    def _parts(self) -> int:
        return 1 if self.rows <= MOST_COMPARED else -(-5 * self.rows // MOST_COMPARED)  # five times as small, for speed

    def _hashes(self, cells: Iterable[str]) -> str:
        """Return the expression of how many hashes of a part of the rows repeat an earlier one.

        The hashes are compared in several lists, since comparing takes five times the memory of a list.
        """
        row = f"hash({', '.join(cells)})"
        lists = max(1, self.rows // self._parts // COMPARED_AT_ONCE)
        parts = (f"{row} % {self._parts * lists} = {self._parts * part}" for part in range(lists))
        found = (f"list({row}) FILTER ({part})" for part in parts)
        return " + ".join(f"len({each}) - list_unique({each})" for each in found)

    def _aggregates(self, places: Sequence[int], wanted: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
        """Return the aggregates of each column by their names."""
        expressions = [expression for column in wanted for expression in column.values()]
        row = iter(self._query(places, expressions) if expressions else ())
        return [dict(zip(column, islice(row, len(column)), strict=True)) for column in wanted]

    def _query(self, places: Sequence[int], expressions: Sequence[str]) -> tuple[Any, ...]:
        values = ", ".join(
            f"{self._columns[place]['value'].replace(CELL, f'x{place}')} AS v{place}"
            for place in places
            if self._columns[place]["kind"] not in WITHOUT_VALUES
        )
        cells = f"SELECT *{', ' if values else ''}{values} FROM ({self._cells(places)})"
        [row] = self._db.execute(f"SELECT {', '.join(expressions)} FROM ({cells})").fetchall()
        return tuple(row)

    def _cells(self, places: Sequence[int]) -> str:
        """Return the query of the cells, NULL for missing ones."""
        cells = (f"c{place} AS x{place}" for place in places)
        return f"SELECT {', '.join(cells)} FROM {self._file}"


def _candidates(column: Mapping[str, Any]) -> Sequence[str]:
    """Return the values that occur in the sample more than once, or all if they are few."""
    is_whole = column["distinct"] <= CANDIDATES
    return [value for value, count in column["top"] if (count > 1 or is_whole) and len(value) <= LONGEST]


def _scaled(bins: Mapping[str, Any], total: int) -> dict[str, Any]:
    """Return the bins of a sample with counts that add up to ``total``."""
    below = [0, *accumulate(bins["counts"])]
    return {**bins, "counts": [high - low for low, high in pairwise(round(each * total / below[-1]) for each in below)]}


def connect(*, threads: int, memory: int, folder: str) -> duckdb.DuckDBPyConnection:
    """Return a database in memory that spills into the folder and reaches nothing else."""
    return duckdb.connect(
        config={
            "threads": threads,
            "memory_limit": f"{memory}B",
            "temp_directory": folder,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )


def scan_of(table: Mapping[str, Any], width: int, missing: Sequence[str]) -> str:
    """Return the table function that reads the columns c0, c1, … of a canonical table; NULL are missing cells."""
    columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(width))
    special = (table["delimiter"], '"', "\n")  # DuckDB refuses words with these
    words = ["", *(word for word in missing if not any(mark in word for mark in special))]
    nulls = ", ".join(map(quoted, words))
    longest = max(250_000, int(table["longest"]) + 1_000)
    return (
        f"read_csv({quoted(table['path'])}, header = false, auto_detect = false, delim = {quoted(table['delimiter'])}, "
        f"quote = '\"', escape = '\"', new_line = '\\n', nullstr = [{nulls}], columns = {{{columns}}}, "
        f"max_line_size = {longest}, buffer_size = {4 * longest}, parallel = {str(not table['has_breaks']).lower()})"
    )


def _sound(found: dict[str, Any]) -> dict[str, Any]:
    """Return the figures without those that cannot be computed."""
    column = {**found}
    for name in ("mean", "deviation"):
        if column[name] is not None and not isfinite(column[name]):
            column[name] = None
    column["strays"] = list(dict.fromkeys(value[:SHOWN] for value in column["strays"] or ()))[:STRAYS]
    return column
