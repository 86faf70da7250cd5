"""Write a canonical table in another format with DuckDB; runs in a process of its own.

DuckDB holds 2,048 cells of each column, several times, and its plans grow with the columns. So a wide table is written
in parts of some columns each, which are joined line by line.
"""

import codecs
import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import xlsxwriter

from webapp.formula_escape import PLAIN_NUMBER, SIGNS
from webapp.jobtypes.tables.engine.column_parts import TablePart, different, divided, joined_objects, joined_rows
from webapp.jobtypes.tables.engine.figures import connect, scan_of
from webapp.jobtypes.tables.native_main import RefusedFile
from webapp.jobtypes.tables.sql_text import CELL, quoted

MOST_SHEET_ROWS = 1_048_575  # without the header
ROW_GROUP_CELLS, ROW_GROUP = 2_500_000, 2_048  # of a Parquet file, which are in memory; rows at least
PARQUET_MEMORY, PARQUET_COLUMN_MEMORY = 100_000_000, 250_000  # bytes, and those for each column
FEW = 12  # columns
_FORMULA = r"^[\s\x00\x{feff}\x{200b}-\x{200f}]*[" + SIGNS.replace("-", r"\-") + r"]|^[\t\r\n]"
_OPTIONS = {
    "csv": "FORMAT csv, HEADER true",
    "jsonl": "FORMAT json, DATEFORMAT '%Y-%m-%d', TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%S'",
    "parquet": "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {rows}",
}
_TYPES = {
    "integer": "({v})::BIGINT",
    "number": "{v}",
    "date": "make_timestamp((({v}) * 1000000)::BIGINT)::DATE",
    "date and time": "make_timestamp((({v}) * 1000000)::BIGINT)",
    "boolean": "({v}) = 1",
}
_VALUES: Mapping[str, Callable[[str], Any]] = {
    "integer": int,
    "number": float,
    "date": date.fromisoformat,
    "date and time": datetime.fromisoformat,
    "boolean": "true".__eq__,
}


def copy_table(
    *,
    table: Mapping[str, Any],
    width: int,
    columns: Sequence[Mapping[str, Any]],
    kind: str,
    distinct: bool,
    row_filter: Mapping[str, Any] | None,
    missing: Sequence[str],
    has_mark: bool,
    target: str,
    most_columns: int,
    **limits: Any,
) -> Iterator[dict[str, Any]]:
    """Write the columns to ``target``, and yield the number of rows and the columns that stayed text."""
    database = connect(**limits)
    whole = TablePart(table=table, width=width, columns=columns, row_filter=row_filter)
    parts = [_typed(database, part, missing) for part in divided(whole, most_columns)]
    typed = [column for part in parts for column in part.columns]
    queries = [_query(part, kind, missing, distinct=distinct and len(parts) == 1) for part in parts]
    if len(parts) > 1:
        rows = _write_joined(database, queries, typed, kind, Path(target), distinct=distinct)
    elif kind == "xlsx":
        rows = _write_sheet(iter(database.execute(queries[0]).fetchone, None), typed, target)
    else:
        rows = _copy(database, queries[0], kind, target, len(columns))
    if kind == "csv" and has_mark:
        _add_mark(Path(target))
    as_text = [old["name"] for old, new in zip(columns, typed, strict=True) if old["kind"] != new["kind"]]
    yield {"rows": rows, "as_text": as_text}


def _typed(database: duckdb.DuckDBPyConnection, part: TablePart, missing: Sequence[str]) -> TablePart:
    """Return the part with columns of text where not all values have the kind of their column."""
    as_text = {*_not_fitting(database, _source(part, missing), part.columns)}
    columns = [{**column, "kind": "text"} if column["name"] in as_text else column for column in part.columns]
    return replace(part, columns=columns)


def _query(part: TablePart, kind: str, missing: Sequence[str], *, distinct: bool) -> str:
    wanted = [(column["place"], _expression(column, kind)) for column in part.columns]
    cells, computed = _computed(_source(part, missing), wanted)
    named = ", ".join(f'{cell} AS "{_name(column)}"' for column, cell in zip(part.columns, cells, strict=True))
    where = f" WHERE {_condition(part.row_filter)}" if part.row_filter else ""
    return f"SELECT {'DISTINCT ' if distinct else ''}{named} FROM ({computed}){where}"


def _source(part: TablePart, missing: Sequence[str]) -> str:
    cells = (f"c{place} AS x{place}" for place in range(part.width))
    return f"SELECT {', '.join(cells)} FROM {scan_of(part.table, part.width, missing)}"


def _not_fitting(database: duckdb.DuckDBPyConnection, source: str, columns: Sequence[Mapping[str, Any]]) -> list[str]:
    typed = [column for column in columns if column["kind"] in _TYPES]
    if not typed:
        return []
    values, computed = _computed(source, [(column["place"], column["value"]) for column in typed])
    pairs = zip(typed, values, strict=True)
    counts = ", ".join(f"count(x{column['place']}) = count({value})" for column, value in pairs)
    [fits] = database.execute(f"SELECT {counts} FROM ({computed})").fetchall()
    return [column["name"] for column, all_fit in zip(typed, fits, strict=True) if not all_fit]


def _computed(source: str, wanted: Sequence[tuple[int, str]]) -> tuple[list[str], str]:
    """Return how each expression of the cell in a place is named in a query, and the query.

    Columns with the same expression are computed as a list if they are many: DuckDB takes milliseconds to plan each
    expression, and more with each other one.
    """
    places: dict[str, list[int]] = {}
    for place, expression in wanted:
        places.setdefault(expression, []).append(place)
    lists: list[str] = []
    names: dict[tuple[int, str], str] = {}
    for expression, of in places.items():
        if len(of) <= FEW:
            names |= {(place, expression): expression.replace(CELL, f"x{place}") for place in of}
            continue
        names |= {(place, expression): f"l{len(lists)}[{at}]" for at, place in enumerate(of, 1)}
        cells = ", ".join(f"x{place}" for place in of)
        lists.append(f"list_transform([{cells}], lambda x: {expression.replace(CELL, 'x')}) AS l{len(lists)}")
    return [names[each] for each in wanted], f"SELECT {', '.join(['*', *lists])} FROM ({source})"


def _expression(column: Mapping[str, Any], kind: str) -> str:
    if column["kind"] in _TYPES:
        return _TYPES[column["kind"]].replace("{v}", column["value"])
    if kind not in {"csv", "xlsx"}:
        return CELL
    plain = f"regexp_full_match({CELL}, {quoted(PLAIN_NUMBER.pattern)})"
    is_formula = f"regexp_matches({CELL}, {quoted(_FORMULA)}) AND NOT {plain}"
    return f"CASE WHEN {is_formula} THEN '''' || {CELL} ELSE {CELL} END"


def _condition(row_filter: Mapping[str, Any]) -> str:
    cell, value = f"x{row_filter['place']}", quoted(row_filter["value"])
    number = row_filter["number"].replace(CELL, cell)
    bound = row_filter["number"].replace(CELL, value)
    is_text = row_filter["kind"] in {"text", "empty", "boolean"}
    return {
        "is": f"{cell} = {value}" + ("" if is_text else f" OR {number} = {bound}"),
        "is not": f"{cell} IS DISTINCT FROM {value}",
        "contains": f"contains(lower({cell}), lower({value}))",
        "at least": f"{cell} >= {value}" if is_text else f"{number} >= {bound}",
        "at most": f"{cell} <= {value}" if is_text else f"{number} <= {bound}",
        "is missing": f"{cell} IS NULL",
        "is present": f"{cell} IS NOT NULL",
    }[row_filter["comparison"]]


def _copy(database: duckdb.DuckDBPyConnection, query: str, kind: str, target: str, width: int) -> int:
    options = _OPTIONS[kind].format(rows=max(ROW_GROUP, ROW_GROUP_CELLS // width))
    [[rows]] = database.execute(f"COPY ({query}) TO {quoted(target)} ({options})").fetchall()
    return int(rows)


def _write_joined(
    database: duckdb.DuckDBPyConnection,
    queries: Sequence[str],
    columns: Sequence[Mapping[str, Any]],
    kind: str,
    target: Path,
    *,
    distinct: bool,
) -> int:
    """Write each part to a file, and the lines of all files side by side to the target; return the number of rows."""
    paths = [target.with_suffix(f".{number}") for number in range(len(queries))]
    for query, path in zip(queries, paths, strict=True):
        _copy(database, query, "csv" if kind == "xlsx" else kind, str(path), len(columns))
    if kind == "parquet":
        joined = " POSITIONAL JOIN ".join(f"read_parquet({quoted(str(path))})" for path in paths)
        database.execute(f"SET memory_limit = '{PARQUET_MEMORY + PARQUET_COLUMN_MEMORY * len(columns)}B'")
        return _copy(
            database, f"SELECT {'DISTINCT ' if distinct else ''}* FROM {joined}", kind, str(target), len(columns)
        )
    if kind == "jsonl":
        objects = joined_objects(paths)
        with target.open("wb") as out:
            return _written(out.write, different(objects) if distinct else objects)
    rows = joined_rows(paths)
    header = next(rows)
    rows = different(rows) if distinct else rows
    if kind == "xlsx":
        return _write_sheet((_values(row, columns) for row in rows), columns, str(target))
    with target.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header)
        return _written(writer.writerow, rows)


def _written(write: Callable[[Any], object], items: Iterable[Any]) -> int:
    """Write the items; return how many they are."""
    return sum(1 for _ in map(write, items))


def _values(row: Sequence[str], columns: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return the cells of a CSV file as DuckDB would return them."""
    pairs = zip(row, columns, strict=True)
    return [_VALUES.get(column["kind"], str)(cell) if cell else None for cell, column in pairs]


def _write_sheet(rows: Iterable[Sequence[Any]], columns: Sequence[Mapping[str, Any]], target: str) -> int:
    number = 0
    with xlsxwriter.Workbook(
        target,
        {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "default_date_format": "yyyy-mm-dd hh:mm",
        },
    ) as book:
        sheet = book.add_worksheet()
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, [column["name"] for column in columns], book.add_format({"bold": True}))
        sheet.freeze_panes(1, 0)
        dates = {at for at, column in enumerate(columns) if column["kind"] == "date"}
        for at in dates:
            sheet.set_column(at, at, 12, day)
        for number, row in enumerate(rows, 1):
            if number > MOST_SHEET_ROWS:
                message = f"A worksheet holds at most {MOST_SHEET_ROWS:,} rows. Choose another format."
                raise RefusedFile(message)
            for at, cell in enumerate(row):
                if cell is not None:
                    sheet.write(number, at, cell, day) if at in dates else sheet.write(number, at, cell)
    return number


def _add_mark(target: Path) -> None:
    marked = target.with_name("marked")
    with target.open("rb") as source, marked.open("wb") as out:
        out.write(codecs.BOM_UTF8)
        while chunk := source.read(1 << 20):
            out.write(chunk)
    marked.replace(target)


def _name(column: Mapping[str, Any]) -> str:
    return str(column["name"]).replace('"', '""')
