"""Rows of job files: the output files of a job, and its input files. ``file_store.py`` has the bytes.

A row is written last, when its file is complete and durable. Under a running attempt the row is
guarded by the fence, so a superseded attempt leaves no files behind.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from sqlalchemy import Connection, Engine, delete, func, insert, select

from webapp.db.engine import reading
from webapp.jobs.model.job import EventName
from webapp.jobs.model.value_rules import NOTHING, period
from webapp.jobs.store import events
from webapp.jobs.store.file_store import StoredFile
from webapp.schema import attachments, now


class AttachmentNotFound(Exception):
    """Raised when a job has no file with the requested id."""

    def __init__(self, file_id: object) -> None:
        """Name the file's id."""
        super().__init__(f"There is no file {file_id}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file of a job; ``role`` is "output" or "input". Sizes are in bytes."""

    id: UUID
    job_id: UUID
    attempt: int
    role: str
    name: str
    media_type: str
    size: int
    sha256: str
    created_at: datetime
    expires_at: datetime | None = None
    keep_seconds: int | None = None
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FileLifetime:
    """How long an output file is kept: ``own`` if it has a lifetime of its own, otherwise as its job type says.

    A file is deleted with its job at the latest.
    """

    usual: timedelta
    own: timedelta | None = None

    def __post_init__(self) -> None:
        """Check the file's own lifetime."""
        if objection := (NOTHING | period()).objection("keep", self.own):
            raise ValueError(objection)

    @property
    def own_seconds(self) -> int | None:
        """The file's own lifetime, for its row."""
        return None if self.own is None else ceil(self.own.total_seconds())

    @property
    def seconds(self) -> float:
        """The lifetime that applies."""
        return self.usual.total_seconds() if self.own_seconds is None else self.own_seconds


class Attachments:
    """The files of the jobs of one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def attachments(self, job_id: UUID) -> tuple[Attachment, ...]:
        """Return the files of a job that have not been removed, oldest first."""
        return self.attachments_of([job_id]).get(job_id, ())

    def all_attachments(
        self, job_id: UUID, *, after: UUID | None = None, limit: int | None = None
    ) -> tuple[Attachment, ...]:
        """Return the files of a job, including removed ones, oldest first: at most ``limit`` after file ``after``."""
        wanted = [attachments.c.job_id == job_id, *([attachments.c.id > after] if after else [])]
        with reading(self.engine) as connection:
            found = connection.execute(select(attachments).where(*wanted).order_by(attachments.c.id).limit(limit))
            return tuple(Attachment(**row) for row in found.mappings())

    def count(self, job_id: UUID) -> int:
        """Count the files of a job, including removed ones."""
        of_the_job = select(func.count()).select_from(attachments).where(attachments.c.job_id == job_id)
        with reading(self.engine) as connection:
            return connection.execute(of_the_job).scalar_one()

    def attachments_of(self, job_ids: Collection[UUID]) -> Mapping[UUID, tuple[Attachment, ...]]:
        """Return the files of several jobs that have not been removed, by job, oldest first."""
        present = (attachments.c.job_id.in_(job_ids), attachments.c.deleted_at.is_(None))
        found: dict[UUID, list[Attachment]] = {}
        with reading(self.engine) as connection:
            for row in connection.execute(select(attachments).where(*present).order_by(attachments.c.id)).mappings():
                found.setdefault(row["job_id"], []).append(Attachment(**row))
        return {job_id: tuple(files) for job_id, files in found.items()}

    def attachment(self, job_id: UUID, file_id: UUID) -> Attachment:
        """Return one file of a job, even if it was removed; raise `AttachmentNotFound`."""
        wanted = (attachments.c.id == file_id, attachments.c.job_id == job_id)
        with reading(self.engine) as connection:
            row = connection.execute(select(attachments).where(*wanted)).mappings().first()
        if row is None:
            raise AttachmentNotFound(file_id)
        return Attachment(**row)


def add_inputs(connection: Connection, job_id: UUID, files: tuple[StoredFile, ...]) -> None:
    """Add the input files of a new job, in the transaction that inserts it."""
    for file in files:
        connection.execute(insert(attachments).values(**_values(file), job_id=job_id, role="input", created_at=now()))


def remove_replaced(connection: Connection, job_id: UUID, attempt: int, file: StoredFile) -> tuple[UUID, ...]:
    """Remove the rows of older output files with the name of a new one; return their ids, so that their bytes can go.

    A job has one file per name; otherwise a file of an earlier attempt would be listed next to the new one. The
    job's timeline keeps the name.
    """
    older = (attachments.c.job_id == job_id, attachments.c.role == "output", attachments.c.name == file.name)
    removed = delete(attachments).where(*older, attachments.c.id != file.id).returning(attachments.c.id)
    ids = tuple(connection.execute(removed).scalars())
    if ids:
        event: events.EventRow = {"job_id": job_id, "name": EventName.FILE_REPLACED, "attempt": attempt}
        events.insert(connection, [{**event, "detail": file.name}])
    return ids


def _values(file: StoredFile) -> dict[str, object]:
    return {
        "id": file.id,
        "name": file.name,
        "media_type": file.media_type,
        "size": file.size,
        "sha256": file.sha256,
        "attempt": 0,
    }
