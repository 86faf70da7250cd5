"""No-op managed jobs, alone and as children of a root."""

from pydantic import BaseModel

from benchmarks.peers.jobs import report_first_line
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext


class Nothing(BaseModel):
    """A small payload, so that parsing is measured."""

    number: int = 0


@job_type("noop", title="No-op")
def noop(job: JobContext, payload: Nothing) -> None:
    """Do nothing, as a managed job."""


class Listener(BaseModel):
    """Where the first line of a job is reported."""

    address: str


@job_type("first_line", title="First line")
def first_line(_job: JobContext, payload: Listener) -> None:
    """Report when this line runs, as a managed job."""
    report_first_line(payload.address)


class Children(BaseModel):
    """The number of children that a root creates."""

    count: int


@job_type("fan", title="Creates no-op children")
def fan(job: JobContext, payload: Children) -> None:
    """Create no-op children, as a managed job."""
    for number in range(payload.count):
        job.spawn("noop", {"number": number})
