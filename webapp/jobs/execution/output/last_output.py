"""The output that a killed work-horse wrote but did not read: its worker adds it to the job's log."""

from collections.abc import Callable
from uuid import UUID

from webapp.db.engine import writing
from webapp.jobs.definition.payload import Vault, payload_mask
from webapp.jobs.execution.leases import Leases
from webapp.jobs.execution.output.output_lines import OutputLines
from webapp.jobs.model.incoming_text import TEXT_LIMIT, clean_text
from webapp.jobs.model.job import Job
from webapp.jobs.queries.log_lines import OUTPUT
from webapp.jobs.store.fence import Fence, LeaseLost, add_log_lines, report
from webapp.schema import database_time


class LastOutput:
    """Adds output to the logs of jobs whose work-horse has ended; ``captures`` says for which types."""

    def __init__(self, leases: Leases, vault: Vault, captures: Callable[[str], bool]) -> None:
        self._leases, self._vault, self._captures = leases, vault, captures

    def add(self, lease_id: UUID, output: bytes) -> bool:
        """Add output to the job that still runs under a lease; return whether a job took it.

        Call it before the lease is settled.
        """
        job = self._leases.running_job(lease_id)
        if job is None or not self._captures(job.type):
            return False
        texts: list[str] = []
        lines = OutputLines(texts.append)
        lines.feed(output)
        lines.end()
        mask = payload_mask(job.payload, self._vault)
        try:
            self._write(job, [clean_text(mask.text(text), TEXT_LIMIT) for text in texts])
        except LeaseLost:
            return False
        return True

    def _write(self, job: Job, texts: list[str]) -> None:
        fence = Fence(job_id=job.id, attempt=job.attempt)
        with writing(self._leases.engine) as connection:
            report(connection, fence, {})
            at = database_time(connection)
            add_log_lines(connection, fence, [(at, OUTPUT, text) for text in texts])
