"""A job type that takes its time, so that a browser sees its progress move, and one with an error in it."""

from time import sleep

from pydantic import BaseModel, Field

from webapp.jobs import JobContext, job_type


class SlowCount(BaseModel):
    upto: int = Field(default=12, ge=1, le=100, title="Count up to")


@job_type("slow_count", title="Slow count", description="Counts slowly.")
def slow_count(job: JobContext, payload: SlowCount) -> None:
    for number in job.track(range(payload.upto)):
        job.logger.info("counted %s", number)
        sleep(0.25)
    with job.open_attachment("count.txt") as file:
        file.write(str(payload.upto).encode())


@job_type("broken_count", title="Broken count", description="Fails.")
def broken_count(_job: JobContext, _payload: SlowCount) -> None:
    message = f"no vat rate for {'a long name ' * 30}"
    raise KeyError(message)
