"""Write a canonical table in another format with DuckDB; runs in a process of its own."""

import codecs
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import xlsxwriter

from webapp.formula_escape import PLAIN_NUMBER, SIGNS
from webapp.jobtypes.tables.engine.figures import connect, scan_of
from webapp.jobtypes.tables.native_process import RefusedFile
from webapp.jobtypes.tables.sql_text import CELL, quoted

MOST_SHEET_ROWS = 1_048_575  # without the header
BATCH = 5_000
FEW = 12  # columns
_FORMULA = r"^[\s\x00\x{feff}\x{200b}-\x{200f}]*[" + SIGNS.replace("-", r"\-") + r"]|^[\t\r\n]"
_OPTIONS = {
    "csv": "FORMAT csv, HEADER true",
    "jsonl": "FORMAT json, DATEFORMAT '%Y-%m-%d', TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%S'",
    "parquet": "FORMAT parquet, COMPRESSION zstd",
}
_TYPES = {
    "integer": "({v})::BIGINT",
    "number": "{v}",
    "date": "make_timestamp((({v}) * 1000000)::BIGINT)::DATE",
    "date and time": "make_timestamp((({v}) * 1000000)::BIGINT)",
    "boolean": "({v}) = 1",
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
    **limits: Any,
) -> Iterator[dict[str, Any]]:
    """Write the columns to ``target``, and yield the number of rows and the columns that stayed text."""
    database = connect(**limits)
    source = _source(table, width, missing)
    as_text = _not_fitting(database, source, columns)
    typed = [{**column, "kind": "text"} if column["name"] in as_text else column for column in columns]
    cells, computed = _computed(source, [(column["place"], _expression(column, kind)) for column in typed])
    named = ", ".join(f'{cell} AS "{_name(column)}"' for column, cell in zip(typed, cells, strict=True))
    where = f" WHERE {_condition(row_filter)}" if row_filter else ""
    query = f"SELECT {'DISTINCT ' if distinct else ''}{named} FROM ({computed}){where}"
    rows = _write_sheet(database, query, target) if kind == "xlsx" else _copy(database, query, kind, target)
    if kind == "csv" and has_mark:
        _add_mark(Path(target))
    yield {"rows": rows, "as_text": as_text}


def _source(table: Mapping[str, Any], width: int, missing: Sequence[str]) -> str:
    cells = (f"c{place} AS x{place}" for place in range(width))
    return f"SELECT {', '.join(cells)} FROM {scan_of(table, width, missing)}"


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


def _copy(database: duckdb.DuckDBPyConnection, query: str, kind: str, target: str) -> int:
    [[rows]] = database.execute(f"COPY ({query}) TO {quoted(target)} ({_OPTIONS[kind]})").fetchall()
    return int(rows)


def _write_sheet(database: duckdb.DuckDBPyConnection, query: str, target: str) -> int:
    found = database.execute(query)
    names = [column[0] for column in found.description or ()]
    rows = 0
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
        sheet.write_row(0, 0, names, book.add_format({"bold": True}))
        sheet.freeze_panes(1, 0)
        dates = [at for at, column in enumerate(found.description or ()) if str(column[1]) == "DATE"]
        for at in dates:
            sheet.set_column(at, at, 12, day)
        while batch := found.fetchmany(BATCH):
            for row in batch:
                rows += 1
                if rows > MOST_SHEET_ROWS:
                    message = f"A worksheet holds at most {MOST_SHEET_ROWS:,} rows. Choose another format."
                    raise RefusedFile(message)
                for at, cell in enumerate(row):
                    if cell is not None:
                        sheet.write(rows, at, cell, day) if at in dates else sheet.write(rows, at, cell)
    return rows


def _add_mark(target: Path) -> None:
    marked = target.with_name("marked")
    with target.open("rb") as source, marked.open("wb") as out:
        out.write(codecs.BOM_UTF8)
        while chunk := source.read(1 << 20):
            out.write(chunk)
    marked.replace(target)


def _name(column: Mapping[str, Any]) -> str:
    return str(column["name"]).replace('"', '""')
