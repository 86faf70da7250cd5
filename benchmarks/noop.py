"""Jobs that do nothing, for both sides: alone and as children of a root."""

from pydantic import BaseModel

from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext


class Nothing(BaseModel):
    """A payload that is parsed all the same."""

    number: int = 0


@job_type("noop", title="No-op")
def noop(job: JobContext, payload: Nothing) -> None:
    """Do nothing, as a managed job."""


class Children(BaseModel):
    """How many children a root makes."""

    count: int


@job_type("fan", title="Makes no-op children")
def fan(job: JobContext, payload: Children) -> None:
    """Make no-op children, as a managed job."""
    for number in range(payload.count):
        job.spawn("noop", {"number": number})


def plain_noop(number: int = 0) -> None:
    """Do nothing, as a plain RQ job."""
