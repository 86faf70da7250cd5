"""Children and files that application code adds to a job, outside of its handler."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from sqlalchemy import Connection, insert, select, update

from webapp.db.engine import writing
from webapp.jobs.lifecycle import cascade, create
from webapp.jobs.model.job import BadRequest, Job, Status
from webapp.jobs.store.attachments import FileLifetime, remove_replaced
from webapp.jobs.store.file_store import FileStore, StoredFile
from webapp.jobs.store.job_store import JobNotFound, JobStore
from webapp.schema import attachments, jobs, later, now


def add_child(store: JobStore, root_id: UUID, make: Callable[[Job], Job]) -> tuple[Job, set[str]]:
    """Write the child that ``make`` returns for the root; return it, and the queues in which jobs can be claimed.

    The child is held until the root's handler has returned. If the root already waits for its
    children, the child is queued at once. If the root has a child of that name, that one is returned.
    Raises `BadRequest` if the root has ended or was asked to stop.
    """
    with writing(store.engine) as connection:
        # locked, so that the root cannot end before it counts the new child, and nobody else uses its name
        locked = select(jobs.c.id).where(jobs.c.id == root_id).with_for_update(key_share=True)
        connection.execute(locked)
        root = store.read(connection, root_id)
        if root.is_finished or root.cancel_requested_at:
            why = f"has ended ({root.status})" if root.is_finished else "was asked to stop"
            message = f"Job {root.short_id} {why}, so it cannot have new child jobs."
            raise BadRequest(message)
        at_once = root.status is Status.WAITING
        child = make(root)
        if child.child_name and (existing := store.child_named(connection, root_id, child.child_name)):
            return existing, set()
        if at_once and child.may_run:
            child = replace(child, status=Status.QUEUED)
        create.insert_jobs(connection, store, [child])
        grown = update(jobs).where(jobs.c.id == root_id)
        connection.execute(grown.values(parts=jobs.c.parts + 1, version=jobs.c.version + 1))
        cascade.update_root(connection, root_id)  # for its progress, if it waits
        return store.read(connection, child.id), {child.queue} if child.status is Status.QUEUED else set()


def add_file(store: JobStore, files: FileStore, job_id: UUID, file: StoredFile, lifetime: FileLifetime) -> None:
    """Add an output file to a job, in place of an older one of its name; without such a job, raise `JobNotFound`."""
    try:
        with writing(store.engine) as connection:
            attempt = _bump_version(connection, job_id)
            row = {
                "id": file.id,
                "job_id": job_id,
                "attempt": attempt,
                "role": "output",
                "name": file.name,
                "media_type": file.media_type,
                "size": file.size,
                "sha256": file.sha256,
                "keep_seconds": lifetime.own_seconds,
            }
            connection.execute(
                insert(attachments).values(
                    **row, created_at=now(), expires_at=_expires_at(connection, job_id, lifetime)
                )
            )
            replaced = remove_replaced(connection, job_id, attempt, file)
    except BaseException:
        files.remove(file.id)
        raise
    for file_id in replaced:
        files.remove(file_id)


def remove_files(store: JobStore, files: FileStore, job_id: UUID) -> int:
    """Remove the output files of a job and return how many; their rows stay, with the time of removal."""
    is_output = (attachments.c.job_id == job_id, attachments.c.role == "output", attachments.c.deleted_at.is_(None))
    with writing(store.engine) as connection:
        _bump_version(connection, job_id)
        removed = update(attachments).where(*is_output).values(deleted_at=now()).returning(attachments.c.id)
        ids = connection.execute(removed).scalars().all()
    for file_id in ids:
        files.remove(file_id)
    return len(ids)


def _bump_version(connection: Connection, job_id: UUID) -> int:
    """Increase the job's version, so that pages show its files; return its attempt number."""
    bumped = update(jobs).where(jobs.c.id == job_id).values(version=jobs.c.version + 1).returning(jobs.c.attempt)
    attempt = connection.execute(bumped).scalar()
    if attempt is None:
        raise JobNotFound(job_id)
    return attempt


def _expires_at(connection: Connection, job_id: UUID, lifetime: FileLifetime) -> object:
    kept_at = connection.execute(select(jobs.c.kept_at).where(jobs.c.id == job_id)).scalar()
    return None if kept_at else later(lifetime.seconds)
