"""The files of a job as its page lists them, the removed ones too: they are said to be gone, not hidden.

Files of jobs, to be downloaded. Who may see the job is asked at each request.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO
from uuid import UUID

from flask import Blueprint, Response, abort, request, send_file
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import ContentRange
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.jobs.store.attachments import Attachment, AttachmentNotFound
from webapp.jobs.store.file_store import CHUNK
from webapp.views.job_list.row import is_unavailable
from webapp.views.page.audit_log import record_audit
from webapp.views.page.request import services, viewer
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.number_format import size
from webapp.views.text.translations import lazy_gettext

_HASH_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFile:
    """A file; ``kept_until`` is None for as long as the job is kept, ``gone_at`` is None while it is there."""

    id: UUID
    job_id: UUID
    name: str
    size: str
    sha256: str
    kept_until: FormattedTime | None
    gone_at: FormattedTime | None

    @property
    def short_hash(self) -> str:
        """Enough to compare by eye."""
        return self.sha256[:_HASH_SHOWN]


def job_files(attached: Sequence[Attachment], role: str, reader: ViewerContext) -> tuple[JobFile, ...]:
    """Describe the files of one role, oldest first."""
    return tuple(_file(file, reader) for file in attached if file.role == role)


def _file(file: Attachment, reader: ViewerContext) -> JobFile:
    left = (file.deleted_at or file.expires_at) if is_unavailable(file, reader.now) else None
    return JobFile(
        id=file.id,
        job_id=file.job_id,
        name=file.name,
        size=size(file.size),
        sha256=file.sha256,
        kept_until=reader.day(file.expires_at) if file.expires_at else None,
        gone_at=reader.day(left) if left else None,
    )


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
_GONE = lazy_gettext("This file was removed. Files are kept for a limited time only.")
_HEADERS = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}


@bp.get("/jobs/<uuid:job_id>/files/<uuid:file_id>")
def download(job_id: UUID, file_id: UUID) -> ResponseReturnValue:
    """Send one file of a job, or the part of it that is asked for."""
    job = services().queries.jobs.get_visible(viewer(), job_id)
    attachment = services().jobs.attachment(job.id, file_id)
    reading = viewer_context()
    if not reading.may_open(job):
        raise AttachmentNotFound(file_id)
    if is_unavailable(attachment, reading.now):
        abort(410, str(_GONE))
    wanted = _range(attachment)
    try:
        file = services().files.open(attachment.id)
    except FileNotFoundError:
        abort(410, str(_GONE))
    if request.method == "GET" and (wanted is None or wanted[0] == 0):  # one line per download, not per part of it
        record_audit(
            AuditAction.FILE_DOWNLOAD, AuditTarget.FILE, attachment.id, name=attachment.name, after={"job": job.id}
        )
    return _response(attachment, file, wanted)


def _response(attachment: Attachment, file: BinaryIO, wanted: tuple[int, int] | None) -> Response:
    kind = attachment.media_type if attachment.media_type in MEDIA_TYPES else OPAQUE
    response = send_file(file, kind, as_attachment=True, download_name=attachment.name, conditional=False)
    response.headers.update(_HEADERS)
    response.set_etag(attachment.sha256)
    response.content_length = attachment.size
    if wanted:
        _narrow(response, file, *wanted, attachment.size)
    return response


def _range(attachment: Attachment) -> tuple[int, int] | None:
    """Return the one range of bytes that is asked for; several at once are answered with the whole file."""
    asked, condition = request.range, request.if_range
    changed = condition.date or (condition.etag and condition.etag != attachment.sha256)
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1 or changed:
        return None
    wanted = asked.range_for_length(attachment.size)
    if wanted is None:
        raise RequestedRangeNotSatisfiable(attachment.size)
    return wanted


def _narrow(response: Response, file: BinaryIO, start: int, stop: int, size: int) -> None:
    # The file is sought here: a server's own wrapper would read, and throw away, all that is before the range
    file.seek(start)
    if stop < size:
        response.direct_passthrough = False
        response.call_on_close(file.close)
        response.response = _part(file, stop - start)
    response.status_code = 206
    response.content_length = stop - start
    response.content_range = ContentRange("bytes", start, stop, size)


def _part(file: BinaryIO, length: int) -> Iterator[bytes]:
    while length and (data := file.read(min(CHUNK, length))):
        yield data
        length -= len(data)
