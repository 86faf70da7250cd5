"""A job that does nothing, for both sides."""

from pydantic import BaseModel

from webapp.jobs.context import JobContext
from webapp.jobs.job_type import job_type


class Nothing(BaseModel):
    """A payload that is parsed all the same."""

    number: int = 0


@job_type("noop", title="No-op")
def noop(job: JobContext, payload: Nothing) -> None:
    """Do nothing, as a managed job."""


def plain_noop(number: int = 0) -> None:
    """Do nothing, as a plain RQ job."""
