"""Job types for tests that run real workers: `DESKJOB_JOBTYPES=tests.jobs.fake_types`."""

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel

from webapp.jobs.definition.job_type import JobError, job_type
from webapp.jobs.execution.context import JobContext


class Nothing(BaseModel):
    pass


class Steps(BaseModel):
    steps: int = 3
    seconds: float = 0.0
    until: str = ""  # a file: the last step begins when it exists


class Hoard(BaseModel):
    items: int
    bytes_each: int


class Mark(BaseModel):
    path: str


@job_type("quick", title="Quick")
def quick(job: JobContext, payload: Nothing) -> None:
    job.message("done")


@job_type("asks", title="Asks")
def asks(job: JobContext, payload: Nothing) -> None:
    job.ask(Mark, "Where?")


@job_type("steps", title="Steps, with a checkpoint after each")
def steps(job: JobContext, payload: Steps) -> None:
    for step in range(job.state.get("step", 0), payload.steps):
        time.sleep(payload.seconds)
        while step == payload.steps - 1 and payload.until and not Path(payload.until).exists():
            time.sleep(0.02)
            job.progress(done=step, total=payload.steps)
        job.save_state({"step": step + 1, "by": [*job.state.get("by", []), job.attempt]})
        job.progress(done=step + 1, total=payload.steps)


@job_type("deaf", title="Never reports")
def deaf(job: JobContext, payload: Steps) -> None:
    job.save_state({"begun": True})
    time.sleep(payload.seconds)


@job_type("deaf_twice", title="Never reports, with two attempts", max_attempts=2)
def deaf_twice(job: JobContext, payload: Steps) -> None:
    if job.attempt == 1:
        time.sleep(payload.seconds)


@job_type("overdue", title="Catches its own time limit", timeout=timedelta(seconds=0.3))
def overdue(job: JobContext, payload: Steps) -> None:
    deadline = time.monotonic() + payload.seconds
    while time.monotonic() < deadline:
        try:
            time.sleep(0.05)
        except BaseException:  # noqa: BLE001  (as a careless author could write it)
            continue


@job_type("leaves_a_child", title="Starts a program and dies")
def leaves_a_child(job: JobContext, payload: Mark) -> None:
    child = subprocess.Popen(["sleep", "900"])
    Path(payload.path).write_text(str(child.pid))
    child.wait()


@job_type("exits", title="Ends its own process")
def exits(job: JobContext, payload: Mark) -> None:
    os._exit(int(payload.path))


@job_type("hoards", title="Keeps memory for each item, and notes the process of each")
def hoards(job: JobContext, payload: Hoard) -> None:
    kept = []
    for _ in job.batches(lambda start, count: range(start, start + count), payload.items):
        kept.append(b"1" * payload.bytes_each)
        job.state["processes"] = [*job.state.get("processes", []), os.getpid()]


@job_type("holds", title="Needs much memory at once")
def holds(job: JobContext, payload: Hoard) -> None:
    job.message(f"{sum(len(bytes(payload.bytes_each)) for _ in range(payload.items))}")


@job_type("talks", title="Writes a line per step into its log")
def talks(job: JobContext, payload: Steps) -> None:
    for step in range(payload.steps):
        time.sleep(payload.seconds)
        job.logger.info("step %s", step)


@job_type("mends", title="Fails until a file exists", max_attempts=1)
def mends(job: JobContext, payload: Mark) -> None:
    if not Path(payload.path).exists():
        raise JobError("The file does not exist yet.")


@job_type("floods", title="Starts a program and prints without an end")
def floods(job: JobContext, payload: Mark) -> None:
    child = subprocess.Popen(["sleep", "900"])
    Path(payload.path).write_text(f"{os.getpid()} {child.pid}")
    while True:
        sys.stdout.write("x" * 16 + "\n")


@job_type("prints_parts", title="Prints lines without their ends")
def prints_parts(job: JobContext, payload: Nothing) -> None:
    sys.stdout.write("one, ")
    job.message("half")
    sys.stdout.write("two")


@job_type("closes_its_output", title="Closes its output and swallows its time limit")
def closes_its_output(job: JobContext, payload: Steps) -> None:
    os.close(1)
    os.close(2)
    overdue.handler(job, payload)


@job_type("crashes", title="Prints a line and ends its own process")
def crashes(job: JobContext, payload: Nothing) -> None:
    sys.stdout.write("going down\n")
    sys.stdout.flush()
    os._exit(7)


@job_type("hungry", title="Needs more memory than there is")
def hungry(job: JobContext, payload: Nothing) -> None:
    job.logger.info("%s bytes", len(bytearray(64 * 2**30)))


@job_type("marks_and_waits", title="Waits until its mark is removed")
def marks_and_waits(job: JobContext, payload: Mark) -> None:
    path = Path(payload.path)
    path.touch()
    while path.exists():
        time.sleep(0.02)


@job_type("computes", title="Computes until a file exists")
def computes(job: JobContext, payload: Mark) -> None:
    job.save_state({"step": 1})
    while not Path(payload.path).exists():
        sum(range(100_000))
