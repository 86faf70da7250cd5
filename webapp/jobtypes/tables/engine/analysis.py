"""Read a table from a file to its figures: the steps that all job types share."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webapp.jobtypes.tables.native_process import call_native
from webapp.jobtypes.tables.reading.canonical_table import CanonicalTable
from webapp.jobtypes.tables.sql_text import CELL
from webapp.jobtypes.tables.values.column_formats import ColumnFormat

THREADS = 2
MEMORY = 100_000_000  # of DuckDB; its process takes about 50 MB more
COLUMN_MEMORY = 100_000  # beside it, for each column: DuckDB holds 2,048 cells of each
PROCESS_MEMORY = 600_000_000  # beyond this, its process is ended
WIDE = 200  # columns, of which each thread holds many cells
SECONDS = 6 * 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of a table; those of a column as `figures.FIGURES` names them."""

    columns: Sequence[Mapping[str, Any]]
    correlations: Sequence[tuple[int, int, float]]
    duplicates: int | None
    duplicates_exact: bool
    gaps: Mapping[int, Sequence[int]]
    is_exact: bool


def figures_of(
    table: CanonicalTable,
    formats: Sequence[ColumnFormat],
    missing: frozenset[str],
    progress: Callable[[float], None],
) -> Figures:
    """Compute the figures in a process of its own; ``progress`` gets the share that is done."""
    columns = [{"kind": each.kind.value, "value": each.sql(CELL)} for each in formats]
    arguments = {"columns": columns, "missing": sorted(missing - {""}), **engine_arguments(table, len(formats))}
    arguments["sample"] = _sample(table, arguments["table"])
    answer: dict[str, Any] = {}
    for answer in call_native(f"{_FIGURES}:figures", arguments, memory=process_memory(len(formats)), seconds=SECONDS):
        progress(answer.get("done", 1.0))
    return Figures(**{**answer, "gaps": {int(place): counts for place, counts in answer["gaps"].items()}})


def process_memory(columns: int) -> int:
    """Return how much memory the process of the engine may take, in bytes."""
    return PROCESS_MEMORY + 2 * COLUMN_MEMORY * columns


def engine_arguments(table: CanonicalTable, columns: int) -> dict[str, Any]:
    """Return the table and the limits of the engine, which works with so many columns at a time, as JSON."""
    return {
        "table": {
            "path": os.fspath(table.path),
            "delimiter": table.delimiter,
            "rows": table.rows,
            "longest": table.longest,
            "has_breaks": table.has_breaks,
        },
        "threads": 1 if columns > WIDE else min(THREADS, os.cpu_count() or 1),
        "memory": MEMORY + COLUMN_MEMORY * columns,
        "folder": os.fspath(Path(table.path).parent),
    }


_FIGURES = "webapp.jobtypes.tables.engine.figures"


def _sample(table: CanonicalTable, described: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Write the sample of a larger table as a canonical table of its own."""
    if table.rows == len(table.sample):  # no sample is needed
        return None
    path = table.path.with_suffix(".sample")
    path.write_bytes(b"".join(table.sample))
    return {**described, "path": os.fspath(path), "rows": len(table.sample)}
