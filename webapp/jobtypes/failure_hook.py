"""Failure hook: runs what a job type does when one of its jobs has finally failed; created for each such job."""

from datetime import timedelta
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from webapp.jobs import FailureHooks, JobContext, JobNotFound, Retention, Status, job_type


class FailedJob(BaseModel):
    """The job that has failed, and how it ended."""

    job_id: UUID = Field(title="Job")
    status: Literal[Status.FAILED, Status.STALE] = Field(title="Status")
    error: str = Field(default="", title="Error")


@job_type(
    "failure_hook",
    title="Failure hook",
    description="Runs what a job type declares for jobs that have failed for good.",
    group="System",
    roles=("admin",),  # it repeats the error of a job, whose type can be closed to others
    for_tenants=False,
    listed=False,
    rerun_lost=False,
    timeout=timedelta(minutes=10),
    keep=Retention(completed=timedelta(days=1)),
)
def failure_hook(job: JobContext, payload: FailedJob, hooks: FailureHooks) -> None:
    """Run the hook once; it is not run again automatically, because it may have done its work."""
    if job.is_dry_run:  # a hook has no job context, so it cannot leave out its effects
        job.logger.info("A dry run does not call the hook.")
        return
    try:
        hooks.run(payload.job_id, payload.status, payload.error, job.logger)
    except JobNotFound:
        job.message("The job was deleted.")
