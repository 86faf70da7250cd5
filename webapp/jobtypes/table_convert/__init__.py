"""Table conversion: write a table, or a part of it, in another format."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import BinaryIO

from webapp.jobs import JobContext, TablePreview, job_type
from webapp.jobtypes.table_convert.chosen_columns import output_columns, place_of
from webapp.jobtypes.table_convert.payload import TableConversion
from webapp.jobtypes.tables.engine.conversion import Output, RowFilter, convert, refuse_too_wide
from webapp.jobtypes.tables.job_table import formats_of, read_job_table
from webapp.jobtypes.tables.reading.canonical_table import CanonicalTable
from webapp.jobtypes.tables.sizes import counted
from webapp.jobtypes.tables.table_preview import preview_table

__all__ = ["TableConversion", "table_convert"]

READING, WRITING = range(60), 95  # per cent of the progress
MEDIA_TYPES = {
    "csv": "text/csv",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def preview_conversion(payload: TableConversion, files: Mapping[str, BinaryIO]) -> TablePreview:
    """Return the first rows; raise `JobError` if the columns cannot be written in the format."""
    return preview_table(
        payload, files, lambda names: refuse_too_wide(payload.format, len(output_columns(payload.columns, names)))
    )


@job_type(
    "table_convert",
    title="Convert a table",
    description="Writes a CSV file or workbook as CSV, XLSX, JSON Lines or Parquet, with chosen columns and rows.",
    group="Data",
    timeout=timedelta(hours=2),
    preview=preview_conversion,
)
def table_convert(job: JobContext, payload: TableConversion) -> None:
    """Read the table once and write the output."""
    with TemporaryDirectory(prefix="table-") as folder:
        read = read_job_table(job, "file", payload, Path(folder), READING)
        output = _output(payload, read.table)
        rows, as_text = convert(read.table, formats_of(read.table, payload), output, Path(folder) / "output")
        for name in as_text:
            job.warn(f"The column {name} stays text, because some of its values are of another type.")
        job.progress(WRITING)
        with (Path(folder) / "output").open("rb") as content:
            name = f"{PurePath(job.inputs['file'].name).stem}.{payload.format}"
            job.attach(name, content, MEDIA_TYPES[payload.format])
    job.progress(100, message=f"{counted(rows, 'row')}, {counted(len(output.columns), 'column')}")


def _output(payload: TableConversion, table: CanonicalTable) -> Output:
    rows = payload.rows
    return Output(
        format=payload.format,
        columns=output_columns(payload.columns, table.names),
        typed=not payload.as_written,
        distinct=payload.distinct,
        row_filter=RowFilter(place=place_of(rows.column, table.names), comparison=rows.comparison, value=rows.value)
        if rows.column
        else None,
        missing=payload.missing_words,
        has_mark=payload.mark,
    )
