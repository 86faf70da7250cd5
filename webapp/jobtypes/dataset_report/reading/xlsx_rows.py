"""Read the rows of a worksheet in constant memory. Cells become the text that a CSV file would have."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from math import isfinite
from typing import BinaryIO

from webapp.jobs import JobError
from webapp.jobtypes.dataset_report.reading.number_formats import Meaning, cell_meanings, moment_in_words
from webapp.jobtypes.dataset_report.reading.rows import MOST_COLUMNS, Batch, Table
from webapp.jobtypes.dataset_report.reading.workbook import (
    STRINGS,
    STYLES,
    CellText,
    Contents,
    contents_of,
    events_of,
    opened,
    shared_strings,
)
from webapp.jobtypes.dataset_report.reading.xml_events import NO_ATTRIBUTES, Event

BATCH_CELLS = 10_000


@contextmanager
def read_xlsx(file: BinaryIO, sheet: str) -> Iterator[Table]:
    """Open the sheet of that name, or the first one if the name is empty; close it at the end of the block."""
    with opened(file) as archive, shared_strings(events_of(archive, STRINGS)) as string:
        contents = contents_of(archive)
        name = _chosen(contents, sheet)
        legend = Legend(
            string=string,
            meanings=cell_meanings(events_of(archive, STYLES)),
            epoch=contents.epoch,
        )
        rows = sheet_rows(events_of(archive, contents.sheets[name]), legend)
        first = next(rows, None)
        if first is None:
            message = f"The sheet {name} is empty."
            raise JobError(message)
        yield Table(
            first=first[1],
            first_line=first[0],
            batches=_batches(rows, len(first[1]), file),
            facts={"Sheet": name, "Sheets in the workbook": f"{len(contents.sheets):,}"},
        )


def _chosen(contents: Contents, sheet: str) -> str:
    if not sheet:
        return next(iter(contents.sheets))
    if sheet in contents.sheets:
        return sheet
    message = f"There is no sheet {sheet}. The sheets are: {', '.join(list(contents.sheets)[:20])}."
    raise JobError(message)


def _batches(rows: Iterator[tuple[int, list[str]]], width: int, file: BinaryIO) -> Iterator[Batch]:
    size = max(1, BATCH_CELLS // width)
    while numbered := list(islice(rows, size)):
        yield Batch(
            rows=[cells + [""] * (width - len(cells)) for _, cells in numbered],
            lines=[number for number, _ in numbered],
            bytes_read=file.tell(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Legend:
    """What the numbers in cells mean."""

    string: Callable[[int], str]
    meanings: tuple[Meaning, ...]
    epoch: datetime


def sheet_rows(events: Iterable[Event], legend: Legend) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each row that holds any, up to its last one that is not blank."""
    number, row = 0, _Row()
    text, attributes = CellText(), NO_ATTRIBUTES
    for event in events:
        match event:
            case "start", "row", found:
                number, row = _row_number(found, number), _Row()
            case "start", "c", attributes:
                pass
            case "end", "c", _:
                row.put(attributes.get("r", ""), _value(text.finished(), attributes, legend))
            case "end", "row", _ if row.cells:
                yield number, row.cells
            case _:
                text.take(event)


class _Row:
    def __init__(self) -> None:
        self.cells: list[str] = []
        self._column = 0

    def put(self, place: str, text: str) -> None:
        self._column = _column(place) or self._column + 1
        if self._column > MOST_COLUMNS:
            message = f"The workbook is damaged: it has a cell in column {self._column:,}."
            raise JobError(message)
        if text:
            self.cells.extend([""] * (self._column - len(self.cells)))
            self.cells[self._column - 1] = text


def _value(value: str, attributes: dict[str, str], legend: Legend) -> str:
    try:
        match attributes.get("t", "n"):
            case "s":
                return legend.string(int(value)) if value else ""
            case "b":
                return "true" if value == "1" else "false"
            case "n":
                return _number(value, int(attributes.get("s", 0)), legend) if value else ""
    except ValueError:
        return value
    return value


def _number(value: str, style: int, legend: Legend) -> str:
    number = float(value)
    meaning = legend.meanings[style] if 0 <= style < len(legend.meanings) else "number"
    if meaning != "number" and isfinite(number):
        return moment_in_words(number, meaning, legend.epoch) or value
    return value if value.lstrip("-").isdecimal() else repr(number).removesuffix(".0")


def _column(place: str) -> int:
    """Return 28 for AB7, 0 for nothing."""
    column = 0
    for letter in place[:4].upper():
        if not "A" <= letter <= "Z":
            break
        column = column * 26 + ord(letter) - 64
    return column


def _row_number(attributes: dict[str, str], before: int) -> int:
    number = attributes.get("r", "")
    return int(number) if number.isdecimal() and len(number) < 10 else before + 1  # noqa: PLR2004 - Excel needs seven
