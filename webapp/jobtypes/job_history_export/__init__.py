"""Job history export: the jobs that its owner may see, as a table or for programs, in constant memory."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from webapp.accounts.accounts import Accounts
from webapp.jobs import JobContext, JobError, JobHistory, JobQueries, Viewer, job_type
from webapp.jobtypes.job_history_export.formats import csv_table, json_lines, workbook
from webapp.jobtypes.job_history_export.payload import JobHistoryExport
from webapp.jobtypes.job_history_export.rows import NOTES, SUMMARY, ExportRow, RowFormatter, people_of

__all__ = ["JobHistoryExport", "job_history_export"]

NOBODY = UUID(int=0)  # owns no job
FORMATS = {
    "csv": (csv_table, "text/csv"),
    "xlsx": (workbook, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "jsonl": (json_lines, "application/jsonl"),
}


@job_type(
    "job_history_export",
    title="Export job history",
    description="Exports the jobs that you can see, newest first, as CSV, XLSX or JSON Lines.",
    group="Reports",
    max_attempts=2,
    timeout=timedelta(hours=2),
)
def job_history_export(job: JobContext, payload: JobHistoryExport, accounts: Accounts, queries: JobQueries) -> None:
    """Count once, then write page by page; a second attempt begins anew."""
    viewer = viewer_of(job, accounts)
    history, wanted = JobHistory(queries.engine, viewer), payload.wanted(queries.jobs.now())
    columns = (*SUMMARY, *NOTES) if payload.with_notes else SUMMARY
    table, media_type = FORMATS[payload.format]
    total, written = history.count(wanted), 0
    with job.open_attachment(f"job-history.{payload.format}", media_type) as file, table(file, columns) as add:
        lines = _lines(history.pages(wanted, with_diagnostics=payload.with_notes), viewer, accounts)
        for line in job.track(lines, total=total):
            add(line)
            written += 1
    job.message(f"{written:,} {'job' if written == 1 else 'jobs'}")


def viewer_of(job: JobContext, accounts: Accounts) -> Viewer:
    """Return with whose eyes the job looks: its owner's, as they are now; the system sees all.

    What a public job of the system leaves is for everyone, so it sees only what everyone does.
    """
    if job.owner.user_id is None:
        return Viewer(user_id=NOBODY, sees_all=not job.owner.public, tenant=job.owner.tenant)
    user = accounts.get(job.owner.user_id)
    if user is None:
        raise JobError("The owner of this export no longer exists.")
    return Viewer(user_id=user.id, sees_all=user.role.sees_all, tenant=user.tenant)


def _lines(pages: Iterator[tuple[ExportRow, ...]], viewer: Viewer, accounts: Accounts) -> Iterator[ExportRow]:
    for page in pages:
        lines = RowFormatter(viewer, accounts.names(people_of(page)))
        yield from map(lines.of, page)
