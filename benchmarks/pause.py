"""A job that takes a fixed time."""

import time

from pydantic import BaseModel

from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext


class Pause(BaseModel):
    """How long it takes."""

    seconds: float


@job_type("pause", title="Takes its time")
def pause(_job: JobContext, payload: Pause) -> None:
    """Take a fixed time, as a managed job."""
    time.sleep(payload.seconds)
