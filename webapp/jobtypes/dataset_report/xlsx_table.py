"""Rows of one worksheet of an XLSX file, in constant memory, shared texts included."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import BinaryIO

from webapp.jobs.job_type import JobError
from webapp.jobtypes.dataset_report.batch import Batch, Table
from webapp.jobtypes.dataset_report.number_formats import cell_meanings
from webapp.jobtypes.dataset_report.shared_strings import shared_strings
from webapp.jobtypes.dataset_report.sheet import Legend, sheet_rows
from webapp.jobtypes.dataset_report.workbook import STRINGS, STYLES, Contents, contents_of, events_of, opened

BATCH_CELLS = 10_000


@contextmanager
def read_xlsx(file: BinaryIO, sheet: str) -> Iterator[Table]:
    """Open the sheet of that name, the first one when it is blank; close all when left."""
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
    message = f"There is no sheet {sheet}. The workbook has: {', '.join(list(contents.sheets)[:20])}."
    raise JobError(message)


def _batches(rows: Iterator[tuple[int, list[str]]], width: int, file: BinaryIO) -> Iterator[Batch]:
    size = max(1, BATCH_CELLS // width)
    while numbered := list(islice(rows, size)):
        yield Batch(
            rows=[cells + [""] * (width - len(cells)) for _, cells in numbered],
            lines=[number for number, _ in numbered],
            bytes_read=file.tell(),
        )
