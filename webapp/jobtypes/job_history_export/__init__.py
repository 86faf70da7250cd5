"""Job history export: write the jobs that its owner can see to a CSV, XLSX or JSON Lines file, in constant memory."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from uuid import UUID

from webapp.accounts.accounts import Accounts
from webapp.jobs import JobContext, JobError, JobHistory, JobPolicy, JobQueries, Jobs, Registry, job_type
from webapp.jobtypes.job_history_export.formats import csv_table, json_lines, workbook
from webapp.jobtypes.job_history_export.payload import JobHistoryExport
from webapp.jobtypes.job_history_export.rows import DIAGNOSTICS, SUMMARY, ExportRow, RowFormatter, user_ids
from webapp.user_policy import user_policy, viewer_of

__all__ = ["JobHistoryExport", "job_history_export"]

NOBODY = UUID(int=0)  # an ID that no user has
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
    acts_as_owner=True,
    private_output=True,
    webhook=True,
)
def job_history_export(
    job: JobContext, payload: JobHistoryExport, accounts: Accounts, jobs: Jobs, queries: JobQueries
) -> None:
    """Count the jobs once, then write them page by page; a second attempt starts from the beginning."""
    policy = policy_of(job, accounts, jobs.registry)
    history, criteria = JobHistory(queries.engine, viewer_of(policy)), payload.criteria(queries.jobs.now())
    columns = (*SUMMARY, *DIAGNOSTICS) if payload.with_notes else SUMMARY
    table, media_type = FORMATS[payload.format]
    if payload.format == "csv":
        table = partial(csv_table, has_mark=payload.mark)
    total, written = history.count(criteria), 0
    with job.open_attachment(f"job-history.{payload.format}", media_type) as file, table(file, columns) as add:
        rows = _rows(history.pages(criteria, with_diagnostics=payload.with_notes), policy, accounts)
        for row in job.track(rows, total=total):
            add(row)
            written += 1
    job.message(f"{written:,} {'job' if written == 1 else 'jobs'}")


def policy_of(job: JobContext, accounts: Accounts, registry: Registry) -> JobPolicy:
    """Return the job policy of the export: that of its owner now, or of the system, which sees all jobs.

    Everyone can download the file of a public job of the system, so that job sees only public jobs.
    """
    if job.owner.user_id is None:
        return JobPolicy(user_id=NOBODY, sees_all=not job.owner.public, tenant=job.owner.tenant)
    user = accounts.get(job.owner.user_id)
    if user is None:
        raise JobError("The owner of this export no longer exists.")
    return user_policy(user, registry)


def _rows(pages: Iterator[tuple[ExportRow, ...]], policy: JobPolicy, accounts: Accounts) -> Iterator[ExportRow]:
    for page in pages:
        formatter = RowFormatter(policy, accounts.names(user_ids(page)))
        yield from map(formatter.format, page)
