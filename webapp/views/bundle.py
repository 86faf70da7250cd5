"""Everything that is known of a job as one archive, to be handed to whoever helps. Secrets stay hidden."""

import json
from collections.abc import Iterable, Iterator
from uuid import UUID

from flask import Blueprint, Response, abort
from flask.typing import ResponseReturnValue

from webapp.accounts.audit import Action, Kind
from webapp.jobs.attachments import Attachment
from webapp.jobs.files import CHUNK
from webapp.jobs.job import Job
from webapp.jobs.logs import Lines
from webapp.services import Services
from webapp.views import described
from webapp.views.auditing import note
from webapp.views.current import services
from webapp.views.job import given
from webapp.views.job_row import gone
from webapp.views.locales import size
from webapp.views.log import written
from webapp.views.plain import HEADERS
from webapp.views.reader import Reader, reader
from webapp.views.viewer import viewer
from webapp.views.zip_stream import Entry, stream

bp = Blueprint("bundle", __name__)
FILES_LIMIT = 2_000_000_000  # bytes of all files; what is beyond is named, not sent


@bp.get("/jobs/<uuid:job_id>/bundle.zip")
def download(job_id: UUID) -> ResponseReturnValue:
    """Send the archive while it is made."""
    job, reading = services().jobs.visible(viewer(), job_id), reader()
    if not reading.may_open(job):
        abort(404)
    note(Action.FILE_DOWNLOAD, Kind.FILE, job.id, name=f"job-{job.short_id}.zip", after={"job": job.id})
    response = Response(stream(_entries(services(), job, reading), reading.now), mimetype="application/zip")
    response.headers.update(HEADERS)
    response.headers.set("Content-Disposition", "attachment", filename=f"job-{job.short_id}.zip")
    return response


def _entries(having: Services, job: Job, reading: Reader) -> Iterator[Entry]:
    """Collect the texts now, while there is a request; the rest is read when it is sent."""
    jobs = having.jobs
    attached = [file for file in jobs.attachments(job.id) if not gone(file, reading.now)]
    sent, left_out = _within_limit(attached)
    told = {
        "job.json": described.job(job, secrets_hidden=given(job, reading)),
        "timeline.json": described.rows(jobs.timeline(job.id)),
        "attempts.json": described.attempts(jobs.attempts(job.id), operates=reading.viewer.sees_all),
        "files.json": described.rows(attached),
    }
    texts = [Entry(name, [_json(value)]) for name, value in told.items()]
    log = Entry("log.txt", (page.encode() for page in written(jobs, Lines(job_id=job.id))))
    return iter([*texts, log, *_files(having, sent), *_named(left_out)])


def _files(having: Services, attached: Iterable[Attachment]) -> list[Entry]:
    taken: set[str] = set()
    return [Entry(_unique(file, taken), _content(having, file.id)) for file in attached]


def _unique(file: Attachment, taken: set[str]) -> str:
    name = f"files/{file.role}/{file.name}"
    if name in taken:
        name = f"files/{file.role}/{file.id.hex[-8:]}-{file.name}"
    taken.add(name)
    return name


def _content(having: Services, file_id: UUID) -> Iterator[bytes]:
    try:
        file = having.files.open(file_id)
    except FileNotFoundError:  # removed just now
        return
    with file:
        while chunk := file.read(CHUNK):
            yield chunk


def _within_limit(attached: Iterable[Attachment]) -> tuple[list[Attachment], list[Attachment]]:
    sent: list[Attachment] = []
    left_out: list[Attachment] = []
    total = 0
    for file in attached:
        total += file.size
        (sent if total <= FILES_LIMIT else left_out).append(file)
    return sent, left_out


def _named(left_out: Iterable[Attachment]) -> list[Entry]:
    lines = [f"{file.name}, {size(file.size)}\n".encode() for file in left_out]
    return [Entry("left-out.txt", [b"Too large for one archive:\n", *lines])] if lines else []


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False, default=str).encode() + b"\n"
