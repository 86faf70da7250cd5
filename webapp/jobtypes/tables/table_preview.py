"""Show how a table would be read, before the job starts: its first rows, and what its columns hold.

This runs in the web process, so it looks at the beginning of the file only; native libraries run in processes of
their own, as for jobs.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from webapp.jobs import JobError, TablePreview
from webapp.jobtypes.tables.job_table import MOST_DESCRIBED, formats_of
from webapp.jobtypes.tables.reading.canonical_table import first_columns, write_canonical
from webapp.jobtypes.tables.reading.file_kind import kind_of
from webapp.jobtypes.tables.reading.row_problems import RowProblems
from webapp.jobtypes.tables.reading.table_reader import open_table
from webapp.jobtypes.tables.table_payload import TablePayload
from webapp.jobtypes.tables.values.column_formats import ColumnFormat

HEAD = 2 * 1024 * 1024  # bytes of a CSV file; a workbook has to be read whole
LARGEST_WORKBOOK = 20_000_000
COLUMNS = 40
_DECIMALS = {".": "point", ",": "comma"}


def preview_table(
    payload: TablePayload, files: Mapping[str, BinaryIO], check: Callable[[Sequence[str]], object] = lambda _names: None
) -> TablePreview:
    """Return the first rows of the payload's file, read as the job will read them; raise `JobError` if it cannot.

    ``check`` gets the names of the columns and raises `JobError` if the job cannot work with them.
    """
    file, name = files["file"], payload.file.name
    size = HEAD if kind_of(file, name) == "csv" else LARGEST_WORKBOOK + 1
    with TemporaryDirectory(prefix="preview-") as folder:
        head = Path(folder) / "head"
        head.write_bytes(file.read(size))
        if head.stat().st_size > LARGEST_WORKBOOK:
            message = "The workbook is too large for a preview. You can start the job all the same."
            raise JobError(message)
        return _read_head(payload, head, check)


def _read_head(payload: TablePayload, head: Path, check: Callable[[Sequence[str]], object]) -> TablePreview:
    problems = RowProblems(lambda _: None)
    with head.open("rb") as file, open_table(file, payload.file.name, payload.table_format, problems) as opened:
        check(opened.shape.names)
        whole = write_canonical(opened, head.with_name("table.csv"), problems, lambda *_: None)
        table = first_columns(whole, MOST_DESCRIBED)
    formats = formats_of(table, payload)
    doubts = [f"{name}: {each.doubt}" for name, each in zip(table.names, formats, strict=True) if each.doubt]
    return TablePreview(
        facts={**opened.facts, **_decimal_fact(formats)},
        notes=[*map(str, opened.notes), *doubts],
        columns=table.names[:COLUMNS],
        kinds=[each.kind.value for each in formats[:COLUMNS]],
        rows=[row[:COLUMNS] for row in table.first],
    )


def _decimal_fact(formats: tuple[ColumnFormat, ...]) -> dict[str, str]:
    marks = {each.number.decimal for each in formats if each.number and each.kind.value == "number"}
    return {"Decimal mark": _DECIMALS[marks.pop()]} if len(marks) == 1 else {}
