"""Failure hooks: what a job type does (``on_failed``) when one of its jobs has finally failed or was lost.

A hook is code of the application and can hang or crash, and a job can fail in any process: in a work-horse, but also
in the clock, which marks it as lost, or in the web server. So the hook runs as a job of its own, which is
created after the commit, under an idempotency key of this end of the job. It is never run twice automatically.
A process that dies between the commit and the creation, which are a few milliseconds, loses the hook.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from webapp.db.engine import writing
from webapp.jobs.definition.job_type import JobError
from webapp.jobs.definition.lazy_handlers import refuse_lazy_result
from webapp.jobs.definition.own_services import ServiceProvider
from webapp.jobs.definition.payload import Vault, load_payload, secret_values
from webapp.jobs.definition.registry import Registry
from webapp.jobs.execution.handler_errors import sentence_of, traceback_of
from webapp.jobs.model.job import SYSTEM, Job, Status
from webapp.jobs.model.secret_mask import NO_SECRETS, SecretMask
from webapp.jobs.store.fence import Fence, add_log_lines
from webapp.jobs.store.job_store import JobStore
from webapp.schema import database_time

HOOK_TYPE = "failure_hook"
_FAILED = "The failure hook of the job type failed: %s"


class FailureHooks:
    """Creates and runs the failure hooks of one database."""

    def __init__(
        self,
        engine: Engine,
        *,
        registry: Registry,
        vault: Vault,
        services: Callable[[], Mapping[type, Any]],
        create_job: Callable[..., object],
    ) -> None:
        self._engine = engine
        self._store = JobStore(engine)
        self._registry = registry
        self._vault = vault
        self._services = services
        self._create_job = create_job

    @property
    def types(self) -> Collection[str]:
        """The names of the job types with a hook."""
        return self._registry.groups.with_hooks

    def job_failed(self, job: Job) -> None:
        """Create the job that runs the hook; called after the commit, in the process that ended the job."""
        error = str(job.errors[-1]["text"]) if job.errors else ""
        payload = {"job_id": str(job.id), "status": job.status.value, "error": error}
        self._create_job(
            HOOK_TYPE,
            payload,
            owner=SYSTEM,  # even if a user's request has ended the job
            queue=self._registry.get(job.type).queue,
            priority=job.priority,
            request_key=f"{HOOK_TYPE}:{job.id}:{job.version}",
        )

    def run(self, job_id: UUID, status: Status, error: str, log: logging.Logger) -> None:
        """Run the hook of a job that has failed; raises `JobError` if it fails; the log of that job says why."""
        job = self._store.get(job_id)
        mask = NO_SECRETS
        try:
            mask = SecretMask(secret_values(job.payload, self._vault))
            self._call(_as_it_failed(job, status, error))
        except (Exception, SystemExit) as broken:  # noqa: BLE001  (a hook is code of the application)
            sentence = _FAILED % sentence_of(broken, mask)
            log.error("%s", traceback_of(broken, mask))  # noqa: TRY400  (with masked secrets)
            self._add_log_line(job, sentence)
            raise JobError(sentence) from None

    def _call(self, job: Job) -> None:
        job_type = self._registry.get(job.type)
        if job_type.on_failed is None:  # it had one when the job failed
            return
        payload = load_payload(job_type, job.payload, self._vault)
        provider = ServiceProvider(self._services(), self._registry.services)
        result = provider.call(partial(job_type.on_failed, job, payload), job_type.on_failed_needs)
        refuse_lazy_result(result, job_type.on_failed)

    def _add_log_line(self, job: Job, text: str) -> None:
        with writing(self._engine) as connection:
            at = database_time(connection)
            add_log_lines(connection, Fence(job_id=job.id, attempt=job.attempt), [(at, "ERROR", text)])


def _as_it_failed(job: Job, status: Status, error: str) -> Job:
    """Return the job with its failure, which a retry in the meantime has cleared."""
    if job.status is status:
        return job
    return replace(job, status=status, errors=({"text": error},) if error else ())
