"""Compute the figures of a canonical table with DuckDB; runs in a process of its own.

The table is read a few times from its file, and never held in memory. Figures of up to `EXACT_ROWS` rows are exact. In
a larger table, quantiles and the number of different values are estimates, and frequent values among very many are
those that occur in a sample more than once; their counts and everything else stay exact.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from math import isfinite
from typing import Any

import duckdb

from webapp.jobtypes.tables.engine.figure_bins import bins_of

EXACT_ROWS = 100_000
COLUMNS, EXACT_COLUMNS = 64, 16  # in one query; exact figures take megabytes for each
SUMMARIES, DISTRIBUTIONS = 0.6, 0.2  # shares of the work
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
TOP = 10
MOST_COUNTED = 1_000  # different values in a sample, so that all are counted
MOST_COMPARED = 1_000_000  # rows
WIDE = 200  # columns
SHOWN = 200  # characters of a value
STRAYS = 3
STRIPES = 60  # of the picture of missing cells
MOST_CORRELATED, FEW = 12, 3  # columns; rows that tell nothing about two of them
MOST_CONNECTED = 100  # columns in the picture of missing cells
CELL = "{x}"  # in an expression of SQL, the place of the cell
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

    ``columns`` have ``value``, the SQL of a number in the cell `CELL`, and ``kind``; ``table`` is a canonical table. In
    a large one, ``sample`` (a canonical table too) tells which bins and values to count, so that one look is enough.
    """
    source = TableFigures(table, columns, **limits)
    size = EXACT_COLUMNS if source.is_exact else COLUMNS
    known: list[dict[str, Any]] = []
    first = source if source.is_exact or sample is None else TableFigures(sample, columns, **limits)
    for places in _batches(len(columns), EXACT_COLUMNS):
        known += first.summaries(places)
        yield {"done": len(known) / len(columns) * (SUMMARIES if first is source else 0.05)}
    pairs = source.numeric_pairs(known)
    found: list[dict[str, Any]] = []
    correlations = source.correlations([(one, two) for one, two in pairs if one // size != two // size])
    for places in _batches(len(columns), size):
        inside = [pair for pair in pairs if set(pair) <= set(places)]
        correlations += source.add_figures(places, known, inside, found, is_summarized=first is source)
        yield {"done": SUMMARIES + DISTRIBUTIONS * places.stop / len(columns)}
    yield {
        "columns": found,
        "correlations": sorted(correlations),
        "duplicates": source.duplicates(),
        "gaps": source.gaps(found),
        "is_exact": source.is_exact,
    }


def _batches(width: int, size: int) -> list[range]:
    return [range(at, min(at + size, width)) for at in range(0, width, size)]


class TableFigures:
    """The table in DuckDB."""

    def __init__(
        self, table: Mapping[str, Any], columns: Sequence[Mapping[str, Any]], *, missing: Sequence[str], **limits: Any
    ) -> None:
        self._columns = columns
        self.rows = int(table["rows"])
        self.is_exact = self.rows <= EXACT_ROWS
        if self.is_exact:  # exact aggregates take megabytes in each thread
            limits["threads"] = 1
        self._db = connect(**limits)
        self._file = scan_of(table, len(columns), missing)
        if len(columns) > WIDE:  # each query would read all columns to compute the figures of some
            self._db.execute(f"CREATE TABLE cells AS SELECT * FROM {self._file}")
            self._file = "cells"

    def summaries(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """Return what one look at the columns tells."""
        if not places:
            return []
        wanted = [self._summary(place) for place in places]
        row = iter(self._query(places, [expression for column in wanted for expression in column.values()])[0])
        return [_sound(dict.fromkeys(FIGURES) | {name: next(row) for name in column}) for column in wanted]

    def _summary(self, place: int) -> dict[str, str]:
        x, v, kind = f"x{place}", f"v{place}", self._columns[place]["kind"]
        quantiles, distinct, top = f"approx_quantile({v}, {list(SHARES)})", f"approx_count_distinct({x})", "NULL"
        if self.is_exact:
            quantiles, distinct = f"quantile_cont({v}, {list(SHARES)})", f"count(DISTINCT {x})"
            entries = f"list_transform(map_entries(histogram({x})), lambda e: {{'n': -(e.value::BIGINT), 'x': e.key}})"
            top = f"list_transform(list_sort({entries})[:{TOP}], lambda e: [left(e.x, {SHOWN}), (-e.n)::VARCHAR])"
        if kind in WITHOUT_VALUES:
            return {
                "count": f"count({x})",
                "distinct": distinct,
                "shortest": f"min(length({x}))",
                "longest": f"max(length({x}))",
                "mean_length": f"avg(length({x}))",
                "top": top,
            }
        return {
            "count": f"count({x})",
            "distinct": distinct,
            "shortest": f"min(length({x}))",
            "longest": f"max(length({x}))",
            "mean_length": f"avg(length({x}))",
            "fitting": f"count({v})",
            "minimum": f"min({v})",
            "maximum": f"max({v})",
            "mean": f"avg({v})",
            "deviation": f"CASE WHEN max({v}) < 1e150 AND min({v}) > -1e150 THEN stddev_samp({v}) END",
            "zeros": f"count_if({v} = 0)",
            "fractions": f"count_if({v} <> trunc({v}))" if kind == "integer" else "0",
            "clocks": f"count_if(contains({x}, ':'))" if kind in DATES else "0",
            "quantiles": quantiles,
            "strays": f"min({x}, {STRAYS}) FILTER (WHERE {v} IS NULL)",
            "top": top,
        }

    def add_figures(
        self,
        places: Sequence[int],
        known: Sequence[Mapping[str, Any]],
        pairs: Sequence[tuple[int, int]],
        found: list[dict[str, Any]],
        *,
        is_summarized: bool,
    ) -> list[tuple[int, int, float]]:
        """Add the figures of these columns to ``found``, with bins and frequent values; return correlations of pairs.

        ``known`` are the summaries of the columns, or those of a sample.
        """
        columns = [dict(known[place]) for place in places]
        expressions: list[str] = []
        uses: list[Callable[[Any], None]] = []
        for place, column in zip(places, columns, strict=True):
            wanted = {} if is_summarized else self._summary(place)
            expressions += wanted.values()
            uses += [partial(column.__setitem__, name) for name in wanted]
            if bins := bins_of(known[place], self._columns[place]["kind"]):
                column["bins"] = {"start": bins.start, "step": bins.step, "unit": bins.unit}
                expressions.append(f"histogram({bins.sql(f'v{place}')})")
                uses.append(partial(_keep_bins, column["bins"]))
            if counted := "" if self.is_exact else self._counted_values(place, known[place]):
                expressions.append(counted)
                uses.append(partial(_keep_top, column))
        expressions += map(_correlation, pairs)
        row = self._query(places, expressions)[0] if expressions else ()
        for use, answer in zip(uses, row, strict=False):
            use(answer)
        found += map(_sound, columns)
        return _finite(pairs, row[len(uses) :])

    def _counted_values(self, place: int, known: Mapping[str, Any]) -> str:
        if known["distinct"] <= MOST_COUNTED:
            return f"histogram(x{place})"
        values = ", ".join(quoted(value) for value, count in known["top"] if count > 1)
        return f"histogram(x{place}) FILTER (WHERE x{place} IN ({values}))" if values else ""

    def gaps(self, found: Sequence[Mapping[str, Any]]) -> dict[str, list[int]]:
        """Return the missing cells of the columns that have some, in stripes of rows from the first to the last."""
        places = [place for place, column in enumerate(found) if column["count"] < self.rows][:MOST_CONNECTED]
        if not places or self.rows < 2:  # noqa: PLR2004
            return {}
        stripes = min(STRIPES, self.rows)
        self._db.execute("SET threads = 1")  # rows come in the order of the file then
        counts = ", ".join(f"count(*) - count(x{place})" for place in places)
        rows = self._db.execute(
            f"SELECT stripe, {counts} FROM (SELECT (row_number() OVER () - 1) * {stripes} // {self.rows} AS stripe, * "
            f"FROM ({self._cells(places)})) GROUP BY stripe ORDER BY stripe"
        ).fetchall()
        return {str(place): [row[at] for row in rows] for at, place in enumerate(places, 1)}

    def numeric_pairs(self, found: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
        """Return each two of the first numeric columns that have different values."""
        numeric = [
            place
            for place, column in enumerate(found)
            if self._columns[place]["kind"] in {"integer", "number"} and column["minimum"] != column["maximum"]
        ][: MOST_CORRELATED if self.rows >= FEW else 0]
        return [(one, two) for one in numeric for two in numeric if one < two]

    def correlations(self, pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int, float]]:
        """Return the correlations of these columns."""
        if not pairs:
            return []
        places = sorted({place for pair in pairs for place in pair})
        return _finite(pairs, self._query(places, [_correlation(pair) for pair in pairs])[0])

    def duplicates(self) -> int | None:
        """Return the number of rows that repeat an earlier one; None if there is too much to compare."""
        if self.rows > MOST_COMPARED or len(self._columns) > WIDE:
            return None
        cells = ", ".join(f"c{place}" for place in range(len(self._columns)))
        hashes = f"SELECT hash({cells}) AS h FROM {self._file}"
        return self.rows - int(self._db.execute(f"SELECT count(DISTINCT h) FROM ({hashes})").fetchall()[0][0])

    def _query(self, places: Sequence[int], expressions: Sequence[str]) -> list[tuple[Any, ...]]:
        values = ", ".join(
            f"{self._columns[place]['value'].replace(CELL, f'x{place}')} AS v{place}"
            for place in places
            if self._columns[place]["kind"] not in WITHOUT_VALUES
        )
        cells = f"SELECT *{', ' if values else ''}{values} FROM ({self._cells(places)})"
        return self._db.execute(f"SELECT {', '.join(expressions)} FROM ({cells})").fetchall()

    def _cells(self, places: Sequence[int]) -> str:
        """Return the query of the cells, NULL for missing ones."""
        cells = (f"c{place} AS x{place}" for place in places)
        return f"SELECT {', '.join(cells)} FROM {self._file}"


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
    nulls = ", ".join(map(quoted, ["", *missing]))
    longest = max(250_000, int(table["longest"]) + 1_000)
    return (
        f"read_csv({quoted(table['path'])}, header = false, auto_detect = false, delim = {quoted(table['delimiter'])}, "
        f"quote = '\"', escape = '\"', new_line = '\\n', nullstr = [{nulls}], columns = {{{columns}}}, "
        f"max_line_size = {longest}, buffer_size = {4 * longest}, parallel = {str(not table['has_breaks']).lower()})"
    )


def quoted(text: str) -> str:
    """Return the text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def _correlation(pair: tuple[int, int]) -> str:
    return f"corr(v{pair[0]}, v{pair[1]})"


def _finite(pairs: Sequence[tuple[int, int]], values: Sequence[float | None]) -> list[tuple[int, int, float]]:
    found = zip(pairs, values, strict=True)
    return [(one, two, value) for (one, two), value in found if value is not None and isfinite(value)]


def _sound(column: dict[str, Any]) -> dict[str, Any]:
    """Return the figures without those that cannot be computed."""
    for name in ("mean", "deviation"):
        if column[name] is not None and not isfinite(column[name]):
            column[name] = None
    column["strays"] = [value[:SHOWN] for value in column["strays"] or ()]
    column["top"] = [(value, int(count)) for value, count in column["top"] or ()]
    return column


def _keep_bins(bins: dict[str, Any], counts: Mapping[Any, int] | None) -> None:
    bins["counts"] = sorted((int(place), count) for place, count in (counts or {}).items())


def _keep_top(column: dict[str, Any], counts: Mapping[str, int] | None) -> None:
    frequent = sorted((counts or {}).items(), key=lambda each: (-each[1], each[0]))[:TOP]
    column["top"] = [(value[:SHOWN], count) for value, count in frequent]
