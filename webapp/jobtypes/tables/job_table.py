"""Read the table of a job: with progress, and with a warning for each bad row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from webapp.jobs import JobContext, JobError
from webapp.jobtypes.tables.notes import Note
from webapp.jobtypes.tables.reading.canonical_table import CanonicalTable, write_canonical
from webapp.jobtypes.tables.reading.row_problems import RowProblems
from webapp.jobtypes.tables.reading.table_reader import open_table
from webapp.jobtypes.tables.sizes import counted, size_in_words
from webapp.jobtypes.tables.table_payload import TablePayload
from webapp.jobtypes.tables.values.column_formats import SAMPLED, ColumnFormat, column_formats

MOST_DESCRIBED = 1_000  # columns in a report and in a preview; each costs processor time, and nobody reads more


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTable:
    """The rows in their canonical form, how the file was read, and what was wrong with it."""

    table: CanonicalTable
    facts: Mapping[str, str]
    notes: Sequence[Note]
    problems: RowProblems


def read_job_table(job: JobContext, upload: str, payload: TablePayload, folder: Path, progress: range) -> JobTable:
    """Read an input file; its canonical form is in the folder, and ``progress`` is the range of per cent to report.

    Raises `JobError` if every row was skipped.
    """
    source, problems = job.inputs[upload], RowProblems(job.warn)

    def report(size: int, rows: int) -> None:
        read = min(size, source.size)
        words = f"{size_in_words(read)} of {size_in_words(source.size)}, {counted(rows, 'row')}"
        job.progress(progress.start + len(progress) * read / max(1, source.size), message=words)

    with source.open() as file, open_table(file, source.name, payload.table_format, problems) as opened:
        words = ", ".join(f"{name.lower()} {fact}" for name, fact in opened.facts.items())
        job.logger.info("Reading %s (%s)", source.name, words)
        table = write_canonical(opened, folder / f"{upload}.csv", problems, report)
    problems.close()
    if problems.skipped and not table.rows:
        message = f"{counted(problems.skipped, 'row')} skipped, none left. {problems.sentences[0]}"
        raise JobError(message)
    return JobTable(table=table, facts=opened.facts, notes=opened.notes, problems=problems)


def formats_of(table: CanonicalTable, payload: TablePayload) -> tuple[ColumnFormat, ...]:
    """Return what the columns hold, as far as a sample tells and a person has not chosen."""
    return column_formats(
        table.names,
        table.sample_rows(SAMPLED),
        payload.missing_words,
        choices=payload.value_choices,
        delimiter=table.delimiter,
    )
