"""A job type with a fixed run time."""

import time

from pydantic import BaseModel

from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext


class Pause(BaseModel):
    """The run time."""

    seconds: float


@job_type("pause", title="Pause")
def pause(_job: JobContext, payload: Pause) -> None:
    """Sleep, as a managed job."""
    time.sleep(payload.seconds)
