"""Job types whose jobs have every stored time: of progress, messages, files, log lines, steps and attempts."""

import time
from datetime import timedelta

from pydantic import BaseModel

from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.policies import RetryPolicy


class Work(BaseModel):
    """How long the handler takes, and in how many attempts it fails before it goes well."""

    seconds: float = 0.0
    failures: int = 0


@job_type("full_work", title="Full work", retry=RetryPolicy(max_attempts=3, delays=[timedelta(seconds=1)]))
def full_work(job: JobContext, payload: Work) -> None:
    """Report everything that a job can report."""
    if job.attempt <= payload.failures:
        message = "It broke."
        raise RuntimeError(message)
    job.progress(done=1, total=2)
    job.message("half of it")
    job.logger.info("a line")
    job.warn("a warning")
    job.step("named", int)
    job.attach("result.txt", b"result")
    ends = time.monotonic() + payload.seconds
    while time.monotonic() < ends:
        time.sleep(0.05)
