"""The files of a job as its page lists them, the removed ones too: they are said to be gone, not hidden."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from webapp.jobs.attachments import Attachment
from webapp.views.job_row import gone
from webapp.views.locales import size
from webapp.views.moments import Moment
from webapp.views.reader import Reader

_HASH_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFile:
    """A file; ``kept_until`` is None for as long as the job is kept, ``gone_at`` is None while it is there."""

    id: UUID
    job_id: UUID
    name: str
    size: str
    sha256: str
    kept_until: Moment | None
    gone_at: Moment | None

    @property
    def short_hash(self) -> str:
        """Enough to compare by eye."""
        return self.sha256[:_HASH_SHOWN]


def job_files(attached: Sequence[Attachment], role: str, reader: Reader) -> tuple[JobFile, ...]:
    """Describe the files of one role, oldest first."""
    return tuple(_file(file, reader) for file in attached if file.role == role)


def _file(file: Attachment, reader: Reader) -> JobFile:
    left = (file.deleted_at or file.expires_at) if gone(file, reader.now) else None
    return JobFile(
        id=file.id,
        job_id=file.job_id,
        name=file.name,
        size=size(file.size),
        sha256=file.sha256,
        kept_until=reader.day(file.expires_at) if file.expires_at else None,
        gone_at=reader.day(left) if left else None,
    )
