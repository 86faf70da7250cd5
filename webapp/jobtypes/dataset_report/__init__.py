"""Dataset report: describe the columns of a table, in constant memory."""

from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory

from webapp.accounts.accounts import Accounts
from webapp.accounts.preferences import Language
from webapp.accounts.user import User
from webapp.jobs import JobContext, job_type
from webapp.jobtypes.dataset_report.comparison import compare
from webapp.jobtypes.dataset_report.dataset_profile import Profile, profile_json, profile_of
from webapp.jobtypes.dataset_report.html_report import write_report
from webapp.jobtypes.dataset_report.payload import DatasetReport
from webapp.jobtypes.tables.engine.analysis import figures_of
from webapp.jobtypes.tables.engine.conversion import Output, OutputColumn, convert
from webapp.jobtypes.tables.job_table import MOST_DESCRIBED, formats_of, read_job_table
from webapp.jobtypes.tables.reading.canonical_table import CanonicalTable, first_columns
from webapp.jobtypes.tables.sizes import counted
from webapp.jobtypes.tables.table_preview import preview_table

__all__ = ["DatasetReport", "dataset_report"]

# Per cent of the progress in which a file is read, and its figures are computed
PROGRESS = {
    "": (range(50), range(50, 95)),
    "file": (range(25), range(25, 50)),
    "compare_with": (range(50, 75), range(75, 95)),
}


@job_type(
    "dataset_report",
    title="Dataset report",
    description="Profiles every column of a CSV file or workbook: type, missing values, range, frequent values.",
    group="Data",
    timeout=timedelta(hours=2),
    preview=preview_table,
)
def dataset_report(job: JobContext, payload: DatasetReport, accounts: Accounts) -> None:
    """Read the table once, compute its figures, and write the report, the profile and perhaps the cleaned table."""
    source = _stem(job)
    with job.open_attachment(f"{source}-report.html", "text/html") as out:  # opened first, so that it is listed first
        profile = _profile(job, payload, accounts, "file")
        if payload.compare_with:
            profile["comparison"] = compare(_profile(job, payload, accounts, "compare_with"), profile)
        write_report(profile, _language(job, payload, accounts), out)
    job.attach(f"{source}-profile.json", profile_json(profile), "application/json")
    columns = len(profile["columns"]) + profile["columns_left_out"]
    job.progress(100, message=f"{counted(profile['rows'], 'row')}, {counted(columns, 'column')}")


def _profile(job: JobContext, payload: DatasetReport, accounts: Accounts, upload: str) -> Profile:
    """Read one of the files, the second one in the second half of the progress."""
    source = job.inputs[upload]
    reading, computing = PROGRESS[upload if payload.compare_with else ""]
    with TemporaryDirectory(prefix="table-") as folder:
        read = read_job_table(job, upload, payload, Path(folder), reading)
        table = first_columns(read.table, MOST_DESCRIBED)
        formats = formats_of(table, payload)
        figures = figures_of(
            table,
            formats,
            payload.missing_words,
            lambda share: job.progress(computing.start + len(computing) * share),
        )
        if payload.clean and upload == "file":
            _attach_cleaned(job, read.table, Path(folder) / "cleaned.csv", has_mark=payload.mark)
    owner = _owner(job, accounts)
    return profile_of(
        read,
        formats,
        figures,
        file={"name": source.name, "size": source.size},
        made={"at": datetime.now(UTC).isoformat(), "by": owner.full_name if owner else "", "job": str(job.id)},
    )


def _attach_cleaned(job: JobContext, table: CanonicalTable, path: Path, *, has_mark: bool) -> None:
    columns = [OutputColumn(place=place, name=name) for place, name in enumerate(table.names)]
    convert(table, (), Output(format="csv", columns=columns, typed=False, has_mark=has_mark), path)
    with path.open("rb") as cleaned:
        job.attach(f"{_stem(job)}-cleaned.csv", cleaned, "text/csv")


def _stem(job: JobContext) -> str:
    """Return the name of the source, which the names of all output files begin with."""
    return PurePath(job.inputs["file"].name).stem


def _language(job: JobContext, payload: DatasetReport, accounts: Accounts) -> str:
    """Return the chosen language, which a form sets; for jobs started otherwise, the one in the owner's settings."""
    if payload.language != "auto":
        return payload.language
    owner = _owner(job, accounts)
    return (owner.language if owner else "") or Language.ENGLISH.value


def _owner(job: JobContext, accounts: Accounts) -> User | None:
    return accounts.get(job.owner.user_id) if job.owner.user_id else None
