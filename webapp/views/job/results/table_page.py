"""The page of a table that a job wrote: its rows, sorted by a column; as a fragment on the page of the job."""

from uuid import UUID

from flask import render_template, request
from flask.typing import ResponseReturnValue

from webapp.jobs.store.attachments import AttachmentNotFound
from webapp.views.job.files import bp, open_to_viewer
from webapp.views.job.results.result import ROWS_SHOWN, table_result
from webapp.views.job.results.table_rows import Sorting
from webapp.views.page.request import services

ROWS = 500


@bp.get("/jobs/<uuid:job_id>/files/<uuid:file_id>/table")
def table(job_id: UUID, file_id: UUID) -> ResponseReturnValue:
    """Show the rows of a table."""
    job, file = open_to_viewer(job_id, file_id)
    sorting = _sorting()
    fragment = request.headers.get("HX-Request") == "true"
    result = table_result(file, services().files, sorting, rows=ROWS_SHOWN if fragment else ROWS)
    if result is None:
        raise AttachmentNotFound(file_id)
    template = "job/results/_table.html" if fragment else "job/results/table.html"
    return render_template(template, job=job, result=result, sorting=sorting, whole=not fragment)


def _sorting() -> Sorting | None:
    column = request.args.get("sort", None, int)
    return None if column is None else Sorting(column=column, descending="down" in request.args)
