"""Copying: what a new job takes over from the one that it repeats."""

from uuid import UUID

from sqlalchemy import Connection, select
from uuid_utils.compat import uuid7

from webapp.jobs.files import FileStore, StoredFile
from webapp.jobs.job import Job, Status
from webapp.schema import attachments


def afresh(old: Job) -> Job:
    """Return a new job of the same kind, for the same owner, with the same payload, linked to the old one."""
    return Job(
        id=uuid7(),
        type=old.type,
        title=old.title,
        status=Status.QUEUED,
        owner=old.owner,
        payload=old.payload,
        priority=old.priority,
        queue=old.queue,
        own_process=old.own_process,
        record_only=old.record_only,
        tolerant=old.tolerant,
        max_attempts=max(1, old.max_attempts - max(0, old.attempt - 1)),
        unique_key=old.unique_key or old.next_key,
        again_of=old.id,
    )


def inputs_of(connection: Connection, job_id: UUID, files: FileStore) -> list[StoredFile]:
    """Return the files that a job was given, each as a second name of the same bytes on disk."""
    given = select(attachments).where(
        attachments.c.job_id == job_id, attachments.c.role == "input", attachments.c.deleted_at.is_(None)
    )
    return [
        StoredFile(id=files.link(row.id), name=row.name, media_type=row.media_type, size=row.size, sha256=row.sha256)
        for row in connection.execute(given)
    ]
