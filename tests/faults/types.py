"""Job types that leave a mark whenever they run, and whose first attempt may end in any way."""

import os
import signal
import time
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel

from webapp.jobs.context import JobContext
from webapp.jobs.job_type import job_type
from webapp.jobs.retry import RetryPolicy

MOST = 9
CONTENT = b"whole " * 10_000


class Trial(BaseModel):
    marks: str
    first: str = "goes well"


def run(job: JobContext, payload: Trial) -> None:
    with Path(payload.marks).open("a") as marks:
        marks.write(f"{job.title}\n")
    job.save_state({"attempt": job.attempt})
    with job.open_attachment("result.txt") as file:
        file.write(CONTENT)
    if job.attempt == 1:
        _WAYS[payload.first]()


def fail() -> None:
    message = "It broke."
    raise RuntimeError(message)


def kill_the_worker() -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    signal.pause()


def freeze() -> None:
    """With the worker, as if their machine had vanished."""
    os.kill(os.getppid(), signal.SIGSTOP)
    os.kill(os.getpid(), signal.SIGSTOP)


_WAYS = {
    "goes well": lambda: None,
    "takes its time": lambda: time.sleep(4),
    "dies": lambda: os._exit(1),
    "fails": fail,
    "kills its worker": kill_the_worker,
    "freezes": freeze,
}
again = job_type(
    "again", title="Again", max_running=1, retry=RetryPolicy(max_attempts=MOST, delays=(timedelta(0),), jitter=0.0)
)(run)
once = job_type("once", title="Once", max_running=1, rerun_lost=False)(run)
