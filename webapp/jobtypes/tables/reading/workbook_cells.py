"""Write the cells of a sheet as CSV with calamine; runs in a process of its own."""

import csv
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from webapp.jobtypes.tables.native_main import RefusedFile
from webapp.jobtypes.tables.sizes import listed, size_in_words

LONG_LIST = 20  # rows of a single column
MOST_ROWS, MOST_COLUMNS = 1_048_576, 16_384  # of a sheet
MOST_SHEETS = 50  # in which a table is looked for


def write_cells(book: str, sheet: str, target: str, most_cells: int, most_text: int) -> Iterator[dict[str, Any]]:
    """Write the cells to ``target`` as CSV in UTF-8, and yield the name of the sheet and of the others.

    A few bytes can say that a row is repeated a million times, or that a million cells have the same long text.
    """
    try:
        workbook = CalamineWorkbook.from_path(book)
        found = _sheet(workbook, sheet)
        _refuse_cells_outside(found)
        _write(found, Path(target), most_cells, most_text)
    except PasswordError:
        message = "The workbook is password-protected. Save it without a password and start again."
        raise RefusedFile(message) from None
    except (CalamineError, OSError, ValueError) as error:
        if "Cell limit exceeded" in str(error):  # calamine's own limit of 100 million
            raise RefusedFile(_too_many(most_cells)) from None
        message = f"The workbook is damaged or not in a known format: {error}."
        raise RefusedFile(message) from None
    others = [each.name for each in workbook.sheets_metadata if each.name != found.name]
    yield {"sheet": found.name, "others": listed(others)}


def _sheet(workbook: CalamineWorkbook, name: str) -> CalamineSheet:
    names = [sheet.name for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    if name and name not in names:
        message = f"The workbook has no sheet {name}. The sheets are: {listed(names)}."
        raise RefusedFile(message)
    if not names:
        message = "The workbook has no sheet with cells."
        raise RefusedFile(message)
    visible = {sheet.name for sheet in workbook.sheets_metadata if sheet.visible == SheetVisibleEnum.Visible}
    names.sort(key=lambda each: each not in visible)
    best = workbook.get_sheet_by_name(name or names[0])
    for candidate in () if name else names[:MOST_SHEETS]:
        sheet = workbook.get_sheet_by_name(candidate)
        if _is_table(sheet):
            return sheet
        if best.start is None:
            best = sheet
    return best


def _refuse_cells_outside(sheet: CalamineSheet) -> None:
    """A number of a row can be four billion; all rows before it would be written."""
    bottom, right = sheet.end or (0, 0)
    if bottom >= MOST_ROWS or right >= MOST_COLUMNS:
        message = "The workbook is damaged or not in a known format: a cell is outside of the sheet."
        raise RefusedFile(message)


def _is_table(sheet: CalamineSheet) -> bool:
    """Whether a sheet has more than a cover has: a line, or some lines below each other."""
    (top, left), (bottom, right) = sheet.start or (0, 0), sheet.end or (0, 0)
    return (bottom > top and right > left) or bottom - top >= LONG_LIST


def _write(sheet: CalamineSheet, target: Path, most_cells: int, most_text: int) -> None:
    cells, text = 0, 0
    with target.open("w", encoding="utf-8", errors="replace", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for row in sheet.iter_rows():
            texts = _texts(row)
            cells += len(texts)
            text += writer.writerow(texts)
            if cells > most_cells:
                raise RefusedFile(_too_many(most_cells))
            if text > most_text:
                message = f"The workbook would unpack to more than {size_in_words(most_text)}. Save the sheet as CSV."
                raise RefusedFile(message)


def _too_many(cells: int) -> str:
    return f"The workbook would unpack to more than {cells:,} cells. Save the sheet as CSV."


def _texts(row: Sequence[Any]) -> Sequence[Any]:
    end = len(row)
    while end and row[end - 1] == "":
        end -= 1
    return [cell if type(cell) is str else _text(cell) for cell in row[:end]]


def _text(cell: Any) -> str:
    match cell:
        case bool():
            return str(cell).lower()
        case float():
            return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)  # noqa: PLR2004
        case datetime():
            return str(cell if cell.time() != time() else cell.date())
        case timedelta():
            minutes, seconds = divmod(round(cell.total_seconds()), 60)
            return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
        case time() | date():
            return cell.isoformat()
    return str(cell)
