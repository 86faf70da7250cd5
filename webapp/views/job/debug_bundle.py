"""The debug bundle: a ZIP archive with a job, its timeline, attempts, steps, questions, log and files, for support.

It has no secrets.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort
from flask.typing import ResponseReturnValue

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.jobs.model.job import Job
from webapp.jobs.queries.log_lines import LogCriteria
from webapp.jobs.queries.visible_jobs import Attempt, Event
from webapp.jobs.questions.question import Question
from webapp.jobs.store.attachments import Attachment
from webapp.jobs.store.file_names import distinct_names
from webapp.jobs.store.file_store import CHUNK
from webapp.jobs.store.step_rows import Step
from webapp.services import Services
from webapp.views.job.log import log_as_text
from webapp.views.job.parameters import JobParameter, metadata_parameters
from webapp.views.job.show import visible_parameters
from webapp.views.job_list.row import is_unavailable
from webapp.views.page.audit_log import record_download
from webapp.views.page.request import services, viewer
from webapp.views.page.responses import HEADERS, ArchiveFile, stream_zip
from webapp.views.page.user_shares import shared
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.number_format import size

bp = Blueprint("bundle", __name__)
FILES_LIMIT = 2_000_000_000  # bytes of all files; the archive lists the others by name
_INTERNAL = frozenset({"payload", "metadata", "state", "lease_id", "fair"})
_FOR_OPERATORS = frozenset({"worker", "host", "pid", "traceback", "peak_memory", "cpu_seconds"})


@bp.get("/jobs/<uuid:job_id>/bundle.zip")
def download(job_id: UUID) -> ResponseReturnValue:
    """Stream the archive."""
    job, context = services().queries.jobs.get_visible(viewer(), job_id), viewer_context()
    if not context.may_open(job):
        abort(404)
    name = f"job-{job.short_id}.zip"
    archive = stream_zip(_entries(services(), job, context), context.now)
    response = shared(Response(archive, mimetype="application/zip"))
    response.headers.update(HEADERS)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    action = AuditAction.FILE_DOWNLOAD
    return record_download(response, action, AuditTarget.FILE, job.id, name=name, after={"job": job.id})


def job_dict(job: Job, *, secrets_hidden: Sequence[JobParameter]) -> dict[str, Any]:
    """Return the job without its internal fields and with its secrets hidden."""
    row = {name: value for name, value in job.to_dict().items() if name not in _INTERNAL}
    parameters = {parameter.name: parameter.text for parameter in secrets_hidden}
    metadata = {fact.name: fact.text for fact in metadata_parameters(job.metadata)}
    return {**row, "parameters": parameters, "metadata": metadata}


def as_dicts(records: Iterable[Event | Step | Question | Attachment]) -> list[dict[str, Any]]:
    """Return events, steps, questions or files as dictionaries."""
    return [asdict(record) for record in records]


def attempt_dicts(attempts: Iterable[Attempt], *, operates: bool) -> list[dict[str, Any]]:
    """Return attempts as dictionaries; only operators get tracebacks and the place where they ran."""
    hidden = frozenset() if operates else _FOR_OPERATORS
    return [{name: value for name, value in asdict(attempt).items() if name not in hidden} for attempt in attempts]


def _entries(services: Services, job: Job, context: ViewerContext) -> Iterator[ArchiveFile]:
    """Read the texts now, while the request lasts; read the log and the files when they are sent."""
    jobs, queries = services.jobs, services.queries
    attached = [file for file in jobs.attachments(job.id) if not is_unavailable(file, context.now)]
    sent, left_out = _within_limit(attached)
    documents = {
        "job.json": job_dict(job, secrets_hidden=visible_parameters(job, context)),
        "timeline.json": as_dicts(queries.jobs.timeline(job.id)),
        "attempts.json": attempt_dicts(queries.jobs.attempts(job.id), operates=context.viewer.sees_all),
        "steps.json": as_dicts(queries.steps.of(job.id)),
        "questions.json": as_dicts(services.questions.of(job.id)),
        "files.json": as_dicts(attached),
    }
    texts = [ArchiveFile(name, [_json(value)]) for name, value in documents.items()]
    log = ArchiveFile("log.txt", (page.encode() for page in log_as_text(queries.logs, LogCriteria(job_id=job.id))))
    return iter([*texts, log, *_files(services, sent), *_left_out_list(left_out)])


def _files(services: Services, attached: Sequence[Attachment]) -> Iterator[ArchiveFile]:
    for role in dict.fromkeys(file.role for file in attached):
        files = [file for file in attached if file.role == role]
        for file, name in zip(files, distinct_names(file.name for file in files), strict=True):
            yield ArchiveFile(f"files/{role}/{name}", _content(services, file.id))


def _content(services: Services, file_id: UUID) -> Iterator[bytes]:
    try:
        file = services.files.open(file_id)
    except FileNotFoundError:  # deleted meanwhile
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


def _left_out_list(left_out: Iterable[Attachment]) -> list[ArchiveFile]:
    lines = [f"{file.name}, {size(file.size)}\n".encode() for file in left_out]
    return [ArchiveFile("left-out.txt", [b"Too large for one archive:\n", *lines])] if lines else []


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False, default=str).encode() + b"\n"
