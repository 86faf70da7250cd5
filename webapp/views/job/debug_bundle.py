"""Everything that is known of a job as one archive, to be handed to whoever helps. Secrets stay hidden.

A job and what belongs to it as JSON, for people who help. Pure; secrets come in hidden already.
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
from webapp.jobs.store.attachments import Attachment
from webapp.jobs.store.file_store import CHUNK
from webapp.services import Services
from webapp.views.job.log import log_as_text
from webapp.views.job.parameters import JobParameter, metadata_parameters
from webapp.views.job.show import visible_parameters
from webapp.views.job_list.row import is_unavailable
from webapp.views.page.audit_log import record_audit
from webapp.views.page.request import services, viewer
from webapp.views.page.responses import HEADERS, ArchiveFile, stream_zip
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.number_format import size

bp = Blueprint("bundle", __name__)
FILES_LIMIT = 2_000_000_000  # bytes of all files; what is beyond is named, not sent


@bp.get("/jobs/<uuid:job_id>/bundle.zip")
def download(job_id: UUID) -> ResponseReturnValue:
    """Send the archive while it is made."""
    job, reading = services().queries.jobs.get_visible(viewer(), job_id), viewer_context()
    if not reading.may_open(job):
        abort(404)
    record_audit(
        AuditAction.FILE_DOWNLOAD, AuditTarget.FILE, job.id, name=f"job-{job.short_id}.zip", after={"job": job.id}
    )
    response = Response(stream_zip(_entries(services(), job, reading), reading.now), mimetype="application/zip")
    response.headers.update(HEADERS)
    response.headers.set("Content-Disposition", "attachment", filename=f"job-{job.short_id}.zip")
    return response


def _entries(having: Services, job: Job, reading: ViewerContext) -> Iterator[ArchiveFile]:
    """Collect the texts now, while there is a request; the rest is read when it is sent."""
    jobs, queries = having.jobs, having.queries
    attached = [file for file in jobs.attachments(job.id) if not is_unavailable(file, reading.now)]
    sent, left_out = _within_limit(attached)
    told = {
        "job.json": job_facts(job, secrets_hidden=visible_parameters(job, reading)),
        "timeline.json": rows(queries.jobs.timeline(job.id)),
        "attempts.json": attempts(queries.jobs.attempts(job.id), operates=reading.viewer.sees_all),
        "files.json": rows(attached),
    }
    texts = [ArchiveFile(name, [_json(value)]) for name, value in told.items()]
    log = ArchiveFile("log.txt", (page.encode() for page in log_as_text(queries.logs, LogCriteria(job_id=job.id))))
    return iter([*texts, log, *_files(having, sent), *_named(left_out)])


def _files(having: Services, attached: Iterable[Attachment]) -> list[ArchiveFile]:
    taken: set[str] = set()
    return [ArchiveFile(_unique(file, taken), _content(having, file.id)) for file in attached]


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


def _named(left_out: Iterable[Attachment]) -> list[ArchiveFile]:
    lines = [f"{file.name}, {size(file.size)}\n".encode() for file in left_out]
    return [ArchiveFile("left-out.txt", [b"Too large for one archive:\n", *lines])] if lines else []


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False, default=str).encode() + b"\n"


_LEFT_OUT = frozenset({"payload", "metadata", "state", "lease_id", "fair"})
_ONLY_FOR_OPERATORS = frozenset({"worker", "host", "pid", "traceback", "peak_memory", "cpu_seconds"})


def job_facts(one: Job, *, secrets_hidden: Sequence[JobParameter]) -> dict[str, Any]:
    """Describe the row, without what the engine keeps for itself."""
    row = {name: value for name, value in one.to_dict().items() if name not in _LEFT_OUT}
    named = {parameter.name: parameter.text for parameter in secrets_hidden}
    metadata = {fact.name: fact.text for fact in metadata_parameters(one.metadata)}
    return {**row, "parameters": named, "metadata": metadata}


def rows(those: Iterable[Event | Attachment]) -> list[dict[str, Any]]:
    """Describe events or files."""
    return [asdict(one) for one in those]


def attempts(those: Iterable[Attempt], *, operates: bool) -> list[dict[str, Any]]:
    """Describe attempts; where they ran, and the traces, are for those who operate."""
    hidden = frozenset() if operates else _ONLY_FOR_OPERATORS
    return [{name: value for name, value in asdict(one).items() if name not in hidden} for one in those]
