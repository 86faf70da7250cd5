"""Dataset report: describe the columns of a table, in constant memory."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory

from webapp.accounts.accounts import Accounts
from webapp.accounts.preferences import Language
from webapp.jobs import JobContext, JobError, job_type
from webapp.jobtypes.dataset_report.comparison import compare
from webapp.jobtypes.dataset_report.dataset_profile import Profile, column_profiles, numeric_only
from webapp.jobtypes.dataset_report.html_report import write_report
from webapp.jobtypes.dataset_report.payload import DatasetReport
from webapp.jobtypes.dataset_report.profile_json import profile_json
from webapp.jobtypes.tables.engine.analysis import figures_of
from webapp.jobtypes.tables.engine.conversion import Output, OutputColumn, convert
from webapp.jobtypes.tables.reading.canonical_table import CanonicalTable, write_canonical
from webapp.jobtypes.tables.reading.row_problems import RowProblems
from webapp.jobtypes.tables.reading.table_reader import open_table
from webapp.jobtypes.tables.sizes import counted, size_in_words
from webapp.jobtypes.tables.values.column_formats import ColumnFormat, column_formats

__all__ = ["DatasetReport", "dataset_report"]

READING, WRITING = 0.5, 0.95  # shares of the work that are done after reading, and before writing


@job_type(
    "dataset_report",
    title="Dataset report",
    description="Profiles every column of a CSV file or workbook: type, missing values, range, frequent values.",
    group="Data",
    timeout=timedelta(hours=2),
)
def dataset_report(job: JobContext, payload: DatasetReport, accounts: Accounts) -> None:
    """Read the table once, compute its figures, and write the report, profile.json and perhaps cleaned.csv."""
    name = f"{PurePath(job.inputs['file'].name).stem}-report.html"
    with job.open_attachment(name, "text/html") as out:  # opened first, so that it is listed first
        profile = _profile(job, payload, accounts, "file")
        earlier = _profile(job, payload, accounts, "compare_with") if payload.compare_with else None
        comparison = compare(earlier, profile) if earlier else None
        write_report(profile, comparison, _language(job, payload, accounts), out)
    job.attach("profile.json", profile_json(profile, comparison), "application/json")
    job.progress(100, message=f"{counted(profile.rows, 'row')}, {counted(len(profile.columns), 'column')}")


def _profile(job: JobContext, payload: DatasetReport, accounts: Accounts, upload: str) -> Profile:
    """Read one of the files, the second one in the second half of the progress."""
    source, problems = job.inputs[upload], RowProblems(job.warn)
    whole = 50.0 if payload.compare_with else 100.0
    start = whole if upload == "compare_with" else 0.0

    def reading(size: int, rows: int) -> None:
        read = min(size, source.size)
        words = f"{size_in_words(read)} of {size_in_words(source.size)}, {counted(rows, 'row')}"
        job.progress(start + READING * whole * read / max(1, source.size), message=words)

    def computing(share: float) -> None:
        job.progress(start + whole * (READING + (WRITING - READING) * share))

    with TemporaryDirectory(prefix="table-") as folder, source.open() as file:
        with open_table(file, source.name, payload.table_format, problems) as opened:
            job.logger.info("Reading %s (%s)", source.name, _describe(opened.facts))
            table = write_canonical(opened, Path(folder) / "table.csv", problems, reading)
        problems.close()
        _refuse_if_all_skipped(table, problems)
        formats = column_formats(
            table.names,
            table.sample,
            payload.missing_words,
            choices=payload.value_choices,
            delimiter=table.delimiter,
        )
        figures = figures_of(table, formats, payload.missing_words, computing)
        if payload.clean and upload == "file":
            _attach_cleaned(job, table, formats, Path(folder) / "cleaned.csv")
    columns = column_profiles(table, formats, figures)
    return Profile(
        name=source.name,
        size=source.size,
        rows=table.rows,
        skipped=problems.skipped,
        repaired=problems.repaired,
        problems=tuple(problems.sentences),
        notes=tuple(opened.notes),
        facts=opened.facts,
        columns=columns,
        first=table.first,
        last=table.last if table.rows > len(table.first) + len(table.last) else (),
        correlations=numeric_only(figures.correlations, columns),
        duplicates=figures.duplicates,
        made_by=_owner_name(job, accounts),
        job=str(job.id),
    )


def _describe(facts: Mapping[str, str]) -> str:
    return ", ".join(f"{name.lower()} {value}" for name, value in facts.items())


def _refuse_if_all_skipped(table: CanonicalTable, problems: RowProblems) -> None:
    if problems.skipped and not table.rows:
        first = problems.sentences[0]
        message = f"{counted(problems.skipped, 'row')} skipped, none left to describe. {first}"
        raise JobError(message)


def _attach_cleaned(job: JobContext, table: CanonicalTable, formats: Sequence[ColumnFormat], path: Path) -> None:
    columns = [OutputColumn(place=place, name=name) for place, name in enumerate(table.names)]
    convert(table, formats, Output(format="csv", columns=columns, typed=False), path)
    with path.open("rb") as cleaned:
        job.attach("cleaned.csv", cleaned, "text/csv")


def _language(job: JobContext, payload: DatasetReport, accounts: Accounts) -> str:
    """Return the chosen language, else the one in the settings of the reader."""
    if payload.language != "auto":
        return payload.language
    user = accounts.get(job.owner.user_id) if job.owner.user_id else None
    return (user.language if user else "") or Language.ENGLISH.value


def _owner_name(job: JobContext, accounts: Accounts) -> str:
    user = accounts.get(job.owner.user_id) if job.owner.user_id else None
    return user.full_name if user else ""
