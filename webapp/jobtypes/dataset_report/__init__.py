"""Dataset report: describe the columns of a CSV or XLSX file, in constant memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import BinaryIO

from webapp.jobs import JobContext, JobError, job_type
from webapp.jobtypes.dataset_report.output.cleaned_csv import CleanedCsv
from webapp.jobtypes.dataset_report.output.dataset_profile import Profile, profile_of
from webapp.jobtypes.dataset_report.output.html_report import write_report
from webapp.jobtypes.dataset_report.output.profile_json import profile_json
from webapp.jobtypes.dataset_report.payload import DELIMITERS, DatasetReport
from webapp.jobtypes.dataset_report.reading.csv_rows import CsvFormat, read_csv
from webapp.jobtypes.dataset_report.reading.file_kind import kind_of
from webapp.jobtypes.dataset_report.reading.rows import BadRows, Table
from webapp.jobtypes.dataset_report.reading.xlsx_rows import read_xlsx
from webapp.jobtypes.dataset_report.stats.number_text import counted, size_in_words
from webapp.jobtypes.dataset_report.survey import Cells, Survey, without_cycle_collection

__all__ = ["DatasetReport", "dataset_report"]


@job_type(
    "dataset_report",
    title="Dataset report",
    description="Profiles every column of a CSV or XLSX file: type, missing values, range, frequent values, charts.",
    group="Data",
    timeout=timedelta(hours=2),
)
def dataset_report(job: JobContext, payload: DatasetReport) -> None:
    """Read the table once; write report.html, profile.json and, if requested, cleaned.csv."""
    with job.open_attachment("report.html", "text/html") as out:  # opened first, so that it is listed first
        profile = _read(job, payload)
        write_report(profile, out)
    job.attach("profile.json", profile_json(profile), "application/json")
    job.progress(100, message=f"{counted(profile.rows, 'row')}, {counted(len(profile.columns), 'column')}")


def _read(job: JobContext, payload: DatasetReport) -> Profile:
    bad_rows = BadRows(job.warn)
    with job.inputs["file"].open() as file, _table(file, payload, bad_rows) as table:
        job.logger.info("Reading %s (%s)", job.inputs["file"].name, _describe(table.facts))
        survey = Survey(table, has_header=payload.has_header, missing_words=payload.missing_words)
        _read_rows(job, payload, survey, bad_rows)
        bad_rows.close()
        _refuse_if_all_skipped(survey, bad_rows)
        return _profile(job, table, survey, bad_rows)


def _refuse_if_all_skipped(survey: Survey, bad_rows: BadRows) -> None:
    if bad_rows.skipped and not survey.rows:
        message = f"{counted(bad_rows.skipped, 'row')} skipped, none left to describe. {bad_rows.sentences[0]}"
        raise JobError(message)


def _describe(facts: Mapping[str, str]) -> str:
    return ", ".join(f"{name.lower()} {value}" for name, value in facts.items())


def _table(file: BinaryIO, payload: DatasetReport, bad_rows: BadRows) -> AbstractContextManager[Table]:
    if kind_of(file, payload.file.name) == "xlsx":
        return read_xlsx(file, payload.sheet)
    csv_format = CsvFormat(
        encoding=None if payload.encoding == "auto" else payload.encoding,
        delimiter=DELIMITERS.get(payload.delimiter),
    )
    return nullcontext(read_csv(file, csv_format, bad_rows))


def _read_rows(job: JobContext, payload: DatasetReport, survey: Survey, bad_rows: BadRows) -> None:
    size = job.inputs["file"].size
    cleaned = _cleaned(job, survey.names) if payload.clean else nullcontext(_discard)
    with cleaned as write, without_cycle_collection():
        for batch in survey.walk(bad_rows, write):
            read = min(batch.bytes_read, size)
            words = f"{size_in_words(read)} of {size_in_words(size)}, {counted(survey.rows, 'row')}"
            job.progress(done=read, total=size, message=words)


@contextmanager
def _cleaned(job: JobContext, names: Sequence[str]) -> Iterator[Callable[[Cells], None]]:
    with job.open_attachment("cleaned.csv", "text/csv") as file:
        yield CleanedCsv(file, names).add


def _discard(_: Cells) -> None:
    """Write nothing."""


def _profile(job: JobContext, table: Table, survey: Survey, bad_rows: BadRows) -> Profile:
    return Profile(
        name=job.inputs["file"].name,
        size=job.inputs["file"].size,
        rows=survey.rows,
        skipped=bad_rows.skipped,
        repaired=bad_rows.repaired,
        problems=tuple(bad_rows.sentences),
        facts=table.facts,
        columns=tuple(map(profile_of, survey.columns)),
    )
