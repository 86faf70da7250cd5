"""The owner's verbs. The row comes first; the wake-up follows its commit.

A crash between the two costs seconds, not the job: the clock tops wake-ups up.
"""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from webapp.database import writing
from webapp.jobs import events, payloads
from webapp.jobs.attachments import add_inputs
from webapp.jobs.files import StoredFile
from webapp.jobs.job import SYSTEM, Job, Owner, Status
from webapp.jobs.job_type import InvalidPayload, JobType, Registry
from webapp.jobs.store import Store

Wake = Callable[[str], None]


class DuplicateJob(Exception):
    """Of the jobs with one unique key, at most one is unfinished."""

    def __init__(self, unique_key: str) -> None:
        """Name the key that is taken."""
        super().__init__(f"A job with the unique key {unique_key!r} is not finished yet.")


class Dispatch:
    """Creates jobs and changes what becomes of them, on behalf of their owners."""

    def __init__(self, *, store: Store, registry: Registry, vault: payloads.Vault, wake: Wake) -> None:
        self.store = store
        self.registry = registry
        self._vault = vault
        self._wake = wake

    def create_job(
        self,
        type_name: str,
        payload: Mapping[str, Any] | BaseModel | None = None,
        *,
        owner: Owner = SYSTEM,
        triggered_by: UUID | None = None,
        files: Mapping[str, StoredFile] | None = None,
        **choices: Any,
    ) -> Job:
        """Make a job that a worker will run, and wake one.

        ``files`` fills the payload's uploads by field name. ``choices`` override what the type
        says: ``title``, ``queue``, ``priority``, ``unique_key``. Raises `UnknownJobType`,
        `InvalidPayload` or `DuplicateJob`, and then nothing is written.
        """
        job_type = self.registry.get(type_name)
        given = files or {}
        job = self._new(job_type, _with_files(payload, given), owner=owner, triggered_by=triggered_by, **choices)
        self._insert(job, tuple(given.values()))
        self._wake(job.queue)
        return self.store.get(job.id)

    def create_system_job(
        self, type_name: str, payload: Mapping[str, Any] | None = None, *, public: bool = True, **choices: Any
    ) -> Job:
        """Make a job of the system; by default everyone may see it."""
        return self.create_job(type_name, payload, owner=Owner(public=public), **choices)

    def create_user_job(self, type_name: str, payload: Mapping[str, Any] | None, user_id: UUID, **choices: Any) -> Job:
        """Make a job that belongs to one user."""
        return self.create_job(type_name, payload, owner=Owner(user_id=user_id), **choices)

    def _stored(self, job_type: JobType, payload: BaseModel) -> dict[str, Any]:
        try:
            return payloads.dump(payload, self._vault)
        except ValueError as error:
            raise InvalidPayload(job_type.name, {"": str(error)}) from None

    def _insert(self, job: Job, files: tuple[StoredFile, ...]) -> None:
        try:
            with writing(self.store.engine) as connection:
                self.store.insert(connection, [job])
                add_inputs(connection, job.id, files)
                events.record(connection, [job], events.CREATED, actor_id=job.triggered_by)
        except IntegrityError:
            if job.unique_key is None:
                raise
            raise DuplicateJob(job.unique_key) from None

    def _new(
        self,
        job_type: JobType,
        payload: Mapping[str, Any] | BaseModel,
        *,
        owner: Owner,
        triggered_by: UUID | None,
        **choices: Any,
    ) -> Job:
        checked = payload if isinstance(payload, job_type.payload_class) else job_type.parse(_plain(payload))
        values: dict[str, Any] = {
            "title": job_type.title,
            "queue": job_type.queue,
            "priority": job_type.priority,
            "max_attempts": job_type.max_attempts,
            **choices,
        }
        return Job(
            id=uuid7(),
            type=job_type.name,
            status=Status.QUEUED,
            owner=owner,
            triggered_by=triggered_by,
            payload=self._stored(job_type, checked),
            own_process=job_type.own_process,
            **values,
        )


def _plain(payload: Mapping[str, Any] | BaseModel) -> Mapping[str, Any]:
    return payload.model_dump() if isinstance(payload, BaseModel) else payload


def _with_files(
    payload: Mapping[str, Any] | BaseModel | None, files: Mapping[str, StoredFile]
) -> Mapping[str, Any] | BaseModel:
    if isinstance(payload, BaseModel):
        return payload
    described = {
        field: {"name": file.name, "size": file.size, "sha256": file.sha256, "media_type": file.media_type}
        for field, file in files.items()
    }
    return {**(payload or {}), **described}
