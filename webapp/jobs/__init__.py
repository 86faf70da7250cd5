"""The engine: jobs, their types, and what runs them. Knows no Flask and no particular job type."""

from webapp.jobs.definition.job_type import InvalidPayload, JobError, Upload, job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.execution.reporter import JobCancelled
from webapp.jobs.model.job import IllegalTransition, Job, Owner, Status
from webapp.jobs.model.policies import OnDuplicate
from webapp.jobs.service import Jobs
from webapp.jobs.store.job_store import JobNotFound, StaleJob
from webapp.jobs.store.unique_keys import DuplicateJob

__all__ = [
    "DuplicateJob",
    "IllegalTransition",
    "InvalidPayload",
    "Job",
    "JobCancelled",
    "JobContext",
    "JobError",
    "JobNotFound",
    "Jobs",
    "OnDuplicate",
    "Owner",
    "StaleJob",
    "Status",
    "Upload",
    "job_type",
]
