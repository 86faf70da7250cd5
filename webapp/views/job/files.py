"""The files of a job: their list on its page (deleted files stay listed as deleted), and their download."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from io import BytesIO
from typing import Any, BinaryIO, cast
from uuid import UUID

from flask import Blueprint, Response, abort, render_template, request, send_file
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import ContentRange
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.wsgi import wrap_file

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.jobs.definition.field_specs import upload_specs
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.execution.input_files import uploads_in
from webapp.jobs.files.disk_files import DiskFiles, relative_path
from webapp.jobs.files.s3_reader import S3File
from webapp.jobs.model.job import Job
from webapp.jobs.model.shown_results import PAGE_ONLY_TYPES
from webapp.jobs.store.attachments import Attachment, AttachmentNotFound
from webapp.jobs.store.file_names import clean_name
from webapp.jobs.store.file_store import StoredFile
from webapp.views.job.results.kind import PDF_TYPE, base_type, is_inline
from webapp.views.job_list.row import is_unavailable
from webapp.views.page.audit_log import record_download
from webapp.views.page.request import services, viewer
from webapp.views.page.user_shares import receiving_stored_file
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.number_format import size
from webapp.views.text.translations import lazy_gettext

PAGE = 100
_AT_ONCE = 1024 * 1024  # bytes for a server that takes neither the descriptor of a file nor its pieces
_TIME_MATTERS = timedelta(days=2)  # a file that is kept for less has the time of day beside the day
bp = Blueprint("files", __name__)
OPAQUE = "application/octet-stream"
MEDIA_TYPES = frozenset(
    {
        "application/json",
        "application/pdf",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/zip",
        "image/jpeg",
        "image/png",
        "text/csv",
        "text/plain",
    }
)
# What a job wrote has its own style and pictures and nothing else: no scripts, no requests, no cookies of this site.
# A browser refuses to show a PDF document in a sandbox; it has a viewer of its own, which is one
_OWN = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
_INLINE_HEADERS = {"Content-Security-Policy": f"sandbox; {_OWN}"}
_PDF_HEADERS = {"Content-Security-Policy": _OWN}
_GONE = lazy_gettext("This file was deleted. Files are kept for a limited time only.")
_HEADERS = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFile:
    """A file; ``kept_until`` is None if it is kept as long as the job, ``deleted_at`` is None while it exists."""

    id: UUID
    job_id: UUID
    name: str
    size: str
    sha256: str
    kept_until: FormattedTime | None
    deleted_at: FormattedTime | None
    is_page: bool  # whether it can be opened in the browser


def job_files(
    attached: Sequence[Attachment], role: str, context: ViewerContext, job_removed_at: datetime | None = None
) -> tuple[JobFile, ...]:
    """Describe the downloads with this role (input or output), oldest first; all are deleted with their job."""
    return tuple(
        _file(file, context, job_removed_at)
        for file in attached
        if file.role == role and file.media_type not in PAGE_ONLY_TYPES
    )


@bp.get("/jobs/<uuid:job_id>/files")
def index(job_id: UUID) -> ResponseReturnValue:
    """Show a page of the files, oldest first."""
    job, context = services().queries.jobs.get_visible(viewer(), job_id), viewer_context()
    if not context.may_open(job):
        abort(404)
    files, after = services().queries.files, request.args.get("after", None, UUID)
    found = files.all_attachments(job.id, after=after, limit=PAGE + 1)
    shown = found[:PAGE]
    return render_template(
        "job/files.html",
        job=job,
        files=[*job_files(shown, "input", context), *job_files(shown, "output", context)],
        count=files.count(job.id),
        after=after,
        next_page=shown[-1].id if len(found) > PAGE else None,
    )


@bp.get("/jobs/<uuid:job_id>/files/<uuid:file_id>")
def download(job_id: UUID, file_id: UUID) -> ResponseReturnValue:
    """Send a file of a job, or the requested range of it."""
    job, attachment = open_to_viewer(job_id, file_id)
    byte_range = _range(attachment)
    try:
        response = _response(attachment, byte_range)
    except FileNotFoundError:
        abort(410, str(_GONE))
    if (byte_range and byte_range[0] > 0) or _is_in_page(attachment):
        return response
    action, name = AuditAction.FILE_DOWNLOAD, attachment.name
    return record_download(response, action, AuditTarget.FILE, attachment.id, name=name, after={"job": job.id})


def open_to_viewer(job_id: UUID, file_id: UUID) -> tuple[Job, Attachment]:
    """Return a file that the viewer can read, with its job; answer 404 or, for a deleted file, 410."""
    job = services().queries.jobs.get_visible(viewer(), job_id)
    attachment = services().jobs.attachment(job.id, file_id)
    context = viewer_context()
    if not context.may_open(job):
        raise AttachmentNotFound(file_id)
    if is_unavailable(attachment, context.now):
        abort(410, str(_GONE))
    return job, attachment


def _file(file: Attachment, context: ViewerContext, job_removed_at: datetime | None) -> JobFile:
    deleted_at = (file.deleted_at or file.expires_at) if is_unavailable(file, context.now) else None
    return JobFile(
        id=file.id,
        job_id=file.job_id,
        name=file.name,
        size=size(file.size),
        sha256=file.sha256,
        kept_until=_kept_until(file, context, job_removed_at),
        deleted_at=context.day(deleted_at) if deleted_at else None,
        is_page=is_inline(file),
    )


def _is_in_page(attachment: Attachment) -> bool:
    """Return whether the page of the job shows the file, as it shows tables and texts; only a download is audited."""
    return is_inline(attachment) and request.args.get("view") == "page"


def _kept_until(file: Attachment, context: ViewerContext, job_removed_at: datetime | None) -> FormattedTime | None:
    if file.expires_at is None:
        return None
    until = min(file.expires_at, job_removed_at or file.expires_at)
    return context.time(until) if until - context.now < _TIME_MATTERS else context.day(until)


def _response(attachment: Attachment, byte_range: tuple[int, int] | None) -> Response:
    file = services().files.open(attachment.id)
    if (prefix := services().settings.accel_redirect) and isinstance(services().files, DiskFiles):
        file.close()
        return _sent_by_nginx(attachment, prefix)
    return _sent_from_here(attachment, file, byte_range)


def _sent_by_nginx(attachment: Attachment, prefix: str) -> Response:
    """Let nginx send the file, or the requested range of it."""
    response = _described(attachment, BytesIO())
    response.headers["X-Accel-Redirect"] = f"{prefix}/{relative_path(attachment.id).as_posix()}"
    del response.headers["Content-Length"]
    return response


def _described(attachment: Attachment, file: BinaryIO) -> Response:
    shown = is_inline(attachment) and "view" in request.args
    media_type = attachment.media_type if shown or base_type(attachment.media_type) in MEDIA_TYPES else OPAQUE
    name = clean_name(attachment.name)
    response = send_file(file, media_type, as_attachment=not shown, download_name=name, conditional=False)
    own = _PDF_HEADERS if base_type(media_type) == PDF_TYPE else _INLINE_HEADERS
    response.headers.update(_HEADERS | (own if shown else {}))
    return response


def _sent_from_here(attachment: Attachment, file: BinaryIO, byte_range: tuple[int, int] | None) -> Response:
    response = _described(attachment, file)
    response.set_etag(attachment.sha256)
    start, stop = byte_range or (0, attachment.size)
    # Seek here: the file wrapper of a WSGI server would read and discard everything before the range
    file.seek(start)
    response.response = wrap_file(request.environ, cast(BinaryIO, _SentFile(file, stop - start)), _AT_ONCE)
    response.content_length = stop - start
    if byte_range:
        response.status_code = 206
        response.content_range = ContentRange("bytes", start, stop, attachment.size)
    return response


def _range(attachment: Attachment) -> tuple[int, int] | None:
    """Return the requested range of bytes; several ranges are answered with the whole file."""
    requested, condition = request.range, request.if_range
    changed = condition.date or (condition.etag and condition.etag != attachment.sha256)
    if requested is None or requested.units != "bytes" or len(requested.ranges) != 1 or changed:
        return None
    byte_range = requested.range_for_length(attachment.size)
    if byte_range is None:
        raise RequestedRangeNotSatisfiable(attachment.size)
    return byte_range


class _SentFile:
    """An open file from its position on, which ends after so many bytes.

    A server can send its descriptor, or its ``pieces`` if it comes from a bucket. The first of them is there already:
    a bucket that brings none is an error page, and afterwards the response can only be cut off.
    """

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file = file
        self._left = length
        self.fileno = file.fileno
        with ExitStack() as stack:
            stack.callback(file.close)
            if isinstance(file, S3File):
                self.pieces = partial(file.pieces, length)
                stack.enter_context(receiving_stored_file())
                if length and request.method != "HEAD":
                    file.fetch()
            self.close = stack.pop_all().close

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        data = self._file.read(min(size, self._left))
        self._left -= len(data)
        return data


def existing_inputs(job: Job, job_type: JobType) -> dict[str, list[StoredFile]]:
    """Return the input files of the job that still exist, by field."""
    now = services().queries.jobs.now()
    existing = [
        file for file in services().jobs.attachments(job.id) if file.role == "input" and not is_unavailable(file, now)
    ]
    by_content = {(file.sha256, file.name): file for file in existing}
    return {
        spec.name: [
            _stored(by_content[content])
            for upload in uploads_in(spec.value_in(job.payload))
            if (content := _content(upload)) in by_content
        ]
        for spec in upload_specs(job_type.payload_class)
    }


def _content(upload: Mapping[str, Any]) -> tuple[str, str]:
    return str(upload.get("sha256", "")), str(upload.get("name", ""))


def _stored(file: Attachment) -> StoredFile:
    return StoredFile(id=file.id, name=file.name, media_type=file.media_type, size=file.size, sha256=file.sha256)
