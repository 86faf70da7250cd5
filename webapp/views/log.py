"""The log of a job as a file."""

from collections.abc import Iterator
from uuid import UUID

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue

from webapp.jobs.logs import Lines, Logs
from webapp.views.current import services
from webapp.views.job_log import Chosen
from webapp.views.plain import plain
from webapp.views.reader import reader
from webapp.views.viewer import viewer

bp = Blueprint("log", __name__)


@bp.get("/jobs/<uuid:job_id>/log.txt")
def download(job_id: UUID) -> ResponseReturnValue:
    """Send the lines, all or of a level and an attempt, as they are read from the database."""
    job = services().jobs.visible(viewer(), job_id)
    if not reader().may_open(job):
        abort(404)
    lines = Chosen.of(request.args).lines(job.id)
    return plain(written(services().jobs, lines), download_as=f"{job.short_id}.log.txt")


def written(logs: Logs, lines: Lines) -> Iterator[str]:
    """Write a log in pages of text, its times in UTC."""
    for page in logs.all_lines(lines):
        yield "".join(
            f"{line.at.isoformat(timespec='milliseconds')} [{line.attempt}] {line.level.lower():8} {line.text}\n"
            for line in page
        )
