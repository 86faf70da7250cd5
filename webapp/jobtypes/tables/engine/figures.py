"""Compute the figures of a canonical table with DuckDB; runs in a process of its own.

The table is read once or twice from its file, and never held in memory. Figures of up to `EXACT_ROWS` rows are exact.
In a larger table a sample tells where to count, so that one look is enough: quantiles, correlations and the number of
different values are estimates, and frequent values are those that are frequent in the sample. Counts stay exact.

That look uses only aggregates that DuckDB updates column by column. A single other one, such as `histogram`, makes it
update all of them row by row, which takes twice the time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from math import floor, inf, isfinite, nextafter
from typing import Any

import duckdb

from webapp.jobtypes.tables.engine.figure_bins import BEYOND, Bins, bins_of

EXACT_ROWS = 100_000
COLUMNS, EXACT_COLUMNS = 64, 16  # in one query; exact figures take megabytes for each
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
CLOSE = 0.01  # the true quantile of a table is about as close to that of its sample
TOP, CANDIDATES = 10, 16
WIDE = 200  # columns
SHOWN, LONGEST = 200, 10_000  # characters of a value in the report, and of one to count
STRAYS = 3
MOST_COMPARED = 1_000_000  # rows whose hashes are held in memory
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

    ``columns`` have ``value``, the SQL of a number in the cell `CELL`, and ``kind``. ``table`` is a canonical
    table, and so is ``sample``, which a table of more than `EXACT_ROWS` rows needs.
    """
    source = TableFigures(table, columns, **limits)
    is_exact = source.rows <= EXACT_ROWS or sample is None
    first = source if is_exact else TableFigures(sample or table, columns, **limits)
    known: list[dict[str, Any]] = []
    for places in _batches(len(columns), EXACT_COLUMNS):
        known += first.summaries(places)
        yield {"done": len(known) / len(columns) * (0.6 if is_exact else 0.05)}
    correlations = first.correlations(first.numeric_pairs(known))
    found: list[dict[str, Any]] = []
    for places in _batches(len(columns), COLUMNS):
        found += source.counted(places, known[places.start : places.stop], is_exact=is_exact)
        yield {"done": 0.8 * len(found) / len(columns)}
    duplicates, duplicates_exact = source.duplicates()
    yield {
        "columns": found,
        "correlations": correlations,
        "duplicates": duplicates,
        "duplicates_exact": duplicates_exact,
        "gaps": source.gaps(found),
        "is_exact": is_exact,
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
        self._repeated: int | None = None
        if self.rows <= EXACT_ROWS:  # exact aggregates take megabytes in each thread
            limits["threads"] = 1
        self._db = connect(**limits)
        self._file = scan_of(table, len(columns), missing)
        if len(columns) > WIDE:  # each query would read all columns to compute the figures of some
            self._db.execute(f"CREATE TABLE cells AS SELECT * FROM {self._file}")
            self._file = "cells"

    def summaries(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """Return the exact figures of these columns except for their bins; ``ranks`` are quantiles around others."""
        wanted = [{**self._summary(place), **self._exact(place)} for place in places]
        return [dict.fromkeys(FIGURES) | column for column in self._aggregates(places, wanted)]

    def counted(
        self, places: Sequence[int], known: Sequence[Mapping[str, Any]], *, is_exact: bool
    ) -> list[dict[str, Any]]:
        """Return the figures of these columns with their bins; ``known`` are their summaries, or those of a sample."""
        bins = [
            bins_of(column, self._columns[place]["kind"], 0 if is_exact else BEYOND)
            for place, column in zip(places, known, strict=True)
        ]
        edges = [_edges(column, each, is_exact=is_exact) for column, each in zip(known, bins, strict=True)]
        values = [() if is_exact else _candidates(column) for column in known]
        wanted: list[dict[str, str]] = []
        for place, below, frequent in zip(places, edges, values, strict=True):
            wanted.append({} if is_exact else {**self._summary(place), "distinct": f"approx_count_distinct(x{place})"})
            wanted[-1] |= {f"below {edge!r}": f"count_if(v{place} < '{edge!r}'::DOUBLE)" for edge in below}
            wanted[-1] |= {f"is {at}": f"count_if(x{place} = {quoted(value)})" for at, value in enumerate(frequent)}
        found = []
        if len(places) == len(self._columns) and self.rows > MOST_COMPARED:
            wanted.append({"hashes": self._hashes(f"x{place}" for place in places)})
        rows = self._aggregates(places, wanted) if any(wanted) else [{} for _ in wanted]
        if len(rows) > len(known):
            self._repeated = rows.pop()["hashes"]
        for place, column, each, below, frequent, row in zip(places, known, bins, edges, values, rows, strict=True):
            counts = {edge: int(row.pop(f"below {edge!r}") or 0) for edge in below}
            top = [(value, int(row.pop(f"is {at}") or 0)) for at, value in enumerate(frequent)]
            figures = {**column, **row}
            if not is_exact:
                figures["top"] = sorted(top, key=lambda value: (-value[1], value[0]))
                figures["quantiles"] = _quantiles(figures, counts, is_whole=self._columns[place]["kind"] != "number")
            if each:
                figures["bins"] = each.counted(counts, int(figures["fitting"]))
            found.append(_sound(figures))
        return found

    def _summary(self, place: int) -> dict[str, str]:
        """Return the aggregates that are exact and cheap in a table of any size."""
        x, v, kind = f"x{place}", f"v{place}", self._columns[place]["kind"]
        of_text = {
            "count": f"count({x})",
            "shortest": f"min(length({x}))",
            "longest": f"max(length({x}))",
            "mean_length": f"avg(length({x}))",
        }
        if kind in WITHOUT_VALUES:
            return of_text
        return {
            **of_text,
            "fitting": f"count({v})",
            "minimum": f"min({v})",
            "maximum": f"max({v})",
            "mean": f"avg({v})",
            "deviation": f"CASE WHEN max({v}) < 1e150 AND min({v}) > -1e150 THEN stddev_samp({v}) END",
            "zeros": f"count_if({v} = 0)",
            "fractions": f"count_if({v} <> trunc({v}))" if kind == "integer" else "0",
            "clocks": f"count_if(contains({x}, ':'))" if kind in DATES else "0",
            "strays": f"min({x}, {STRAYS}) FILTER (WHERE {v} IS NULL)",
        }

    def _exact(self, place: int) -> dict[str, str]:
        x, v = f"x{place}", f"v{place}"
        entries = f"list_transform(map_entries(histogram({x})), lambda e: {{'n': -(e.value::BIGINT), 'x': e.key}})"
        exact = {
            "distinct": f"count(DISTINCT {x})",
            "top": f"list_transform(list_sort({entries})[:{CANDIDATES}], lambda e: [e.x, (-e.n)::VARCHAR])",
        }
        if self._columns[place]["kind"] not in WITHOUT_VALUES:
            around = [min(max(share + by, 0), 1) for share in SHARES for by in (-CLOSE, CLOSE)]
            exact |= {"quantiles": f"quantile_cont({v}, {list(SHARES)})", "ranks": f"quantile_cont({v}, {around})"}
        return exact

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
        values = self._query(places, [f"corr(v{one}, v{two})" for one, two in pairs])
        found = zip(pairs, values, strict=True)
        return [(one, two, value) for (one, two), value in found if value is not None and isfinite(value)]

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
        """Return the expression of how many hashes of a part of the rows repeat an earlier one."""
        row = f"hash({', '.join(cells)})"
        found = f"list({row}) FILTER ({row} % {self._parts} = 0)"
        return f"len({found}) - list_unique({found})"

    def _aggregates(self, places: Sequence[int], wanted: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
        """Return the aggregates of each column by their names."""
        row = iter(self._query(places, [expression for column in wanted for expression in column.values()]))
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


def _edges(column: Mapping[str, Any], bins: Bins | None, *, is_exact: bool) -> list[float]:
    """Return the values below which to count: the edges of bins, and values around the quantiles of a larger table."""
    edges = set(bins.edges[1:-1]) if bins else set()
    if not is_exact:
        ranks = column.get("ranks") or ()
        edges |= {rank if at % 2 == 0 else nextafter(rank, inf) for at, rank in enumerate(ranks)}
    return sorted(filter(isfinite, edges))


def _candidates(column: Mapping[str, Any]) -> Sequence[str]:
    """Return the values that occur in the sample more than once, or all if they are few."""
    is_whole = column["distinct"] <= CANDIDATES
    return [value for value, count in column["top"] or () if (int(count) > 1 or is_whole) and len(value) <= LONGEST]


def _quantiles(column: Mapping[str, Any], below: Mapping[float, int], *, is_whole: bool) -> list[float] | None:
    """Return the quantiles between values whose ranks are known."""
    if not column.get("fitting"):
        return None
    total = int(column["fitting"])
    points = [(0, column["minimum"]), *((count, edge) for edge, count in below.items()), (total, column["maximum"])]
    found = []
    for share in SHARES:
        rank = share * total
        low = max(point for point in points if point[0] <= rank)
        high = min(point for point in points if point[0] > rank)
        is_same = high[1] <= nextafter(low[1], inf)
        value = low[1] if is_same else low[1] + (high[1] - low[1]) * ((rank - low[0]) / (high[0] - low[0]))
        found.append(min(max(float(floor(value)) if is_whole else value, column["minimum"]), column["maximum"]))
    return found


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


def _sound(column: dict[str, Any]) -> dict[str, Any]:
    """Return the figures without those that cannot be computed."""
    for name in ("mean", "deviation"):
        if column[name] is not None and not isfinite(column[name]):
            column[name] = None
    column["strays"] = [value[:SHOWN] for value in column["strays"] or ()]
    column["top"] = [(value[:SHOWN], int(count)) for value, count in column["top"] or ()][:TOP]
    column.pop("ranks", None)
    return column
