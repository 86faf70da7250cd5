"""Write a canonical table, or a part of it, in another format."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from webapp.formula_escape import neutral
from webapp.jobs import JobError
from webapp.jobtypes.tables.engine.analysis import SECONDS, engine_arguments, process_memory
from webapp.jobtypes.tables.native_process import call_native
from webapp.jobtypes.tables.reading.canonical_table import CanonicalTable
from webapp.jobtypes.tables.sql_text import CELL
from webapp.jobtypes.tables.values.column_formats import ColumnFormat

Format = Literal["csv", "jsonl", "parquet", "xlsx"]
Comparison = Literal["is", "is not", "contains", "at least", "at most", "is missing", "is present"]
MOST_COLUMNS = 500  # in DuckDB at a time
MOST_PARQUET_COLUMNS = 4_000  # each takes 200 kB of memory while the file is written
_COPY = "webapp.jobtypes.tables.engine.table_copy:copy_table"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputColumn:
    """A column by its place in the table, with its name in the output."""

    place: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFilter:
    """Which rows are written: those whose cell in a column compares to a value."""

    place: int
    comparison: Comparison
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What is written. With ``typed``, numbers and dates are written in one way; else cells stay as they are."""

    format: Format
    columns: Sequence[OutputColumn]
    typed: bool = True
    distinct: bool = False
    row_filter: RowFilter | None = None
    missing: frozenset[str] = field(default=frozenset())
    has_mark: bool = False  # a byte order mark, by which Excel recognises UTF-8


def refuse_too_wide(output_format: Format, columns: int) -> None:
    """Raise `JobError` if a file of the format cannot have so many columns."""
    if output_format == "parquet" and columns > MOST_PARQUET_COLUMNS:
        most = f"{MOST_PARQUET_COLUMNS:,}"
        message = f"A Parquet file can have at most {most} columns, not {columns:,}. Choose some, or another format."
        raise JobError(message)


def convert(
    table: CanonicalTable, formats: Sequence[ColumnFormat], output: Output, target: Path
) -> tuple[int, list[str]]:
    """Write the output to ``target``; raise `JobError` if it cannot be written. Only typed output needs formats.

    Return the number of rows, and the columns that stayed text because not all of their values fit.
    """
    refuse_too_wide(output.format, len(output.columns))
    most = MOST_PARQUET_COLUMNS if output.format == "parquet" else MOST_COLUMNS + 1  # with the column of the filter
    at_a_time = min(most, len(table.names))
    columns = [
        {
            "place": column.place,
            "name": neutral(column.name) if output.format in {"csv", "xlsx"} else column.name,
            "kind": formats[column.place].kind.value if output.typed else "text",
            "value": formats[column.place].sql(CELL) if output.typed else "",
        }
        for column in output.columns
    ]
    arguments = {
        **engine_arguments(table, at_a_time),
        "width": len(table.names),
        "columns": columns,
        "kind": output.format,
        "distinct": output.distinct,
        "row_filter": output.row_filter and _filter(output.row_filter, formats),
        "missing": sorted(output.missing - {""}),
        "has_mark": output.has_mark,
        "target": os.fspath(target),
        "most_columns": MOST_COLUMNS,
    }
    [answer] = call_native(_COPY, arguments, memory=process_memory(at_a_time), seconds=SECONDS)
    return answer["rows"], answer["as_text"]


def _filter(row_filter: RowFilter, formats: Sequence[ColumnFormat]) -> dict[str, object]:
    form = formats[row_filter.place]
    return {**asdict(row_filter), "kind": form.kind.value, "number": form.sql(CELL)}
