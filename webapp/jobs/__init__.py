"""The engine: jobs, their types, and what runs them. Knows no Flask and no particular job type."""

from webapp.jobs.context import JobContext
from webapp.jobs.job import IllegalTransition, Job, Owner, Status
from webapp.jobs.job_type import InvalidPayload, JobError, Upload, job_type
from webapp.jobs.jobs import Jobs
from webapp.jobs.reporter import JobCancelled
from webapp.jobs.store import JobNotFound, StaleJob
from webapp.jobs.uniqueness import DuplicateJob, OnDuplicate

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
