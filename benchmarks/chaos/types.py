"""The job types of the chaos test: each writes the ledger, and its payload says how the job should end."""

import time
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from pydantic import BaseModel

from benchmarks.chaos import ledger
from webapp.jobs.definition.job_type import JobError, job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.policies import RetryPolicy

# More attempts than faults, so that every job has one correct outcome
ALWAYS = RetryPolicy(max_attempts=1000, delays=(timedelta(seconds=0.3),))
FAILURES = 2


class Expected(BaseModel):
    """How the job should end."""

    ends: str = "completed"


class Paced(Expected):
    """The number of steps and the duration of each."""

    steps: int = 10
    seconds: float = 0.05


class Parent(Expected):
    """The number of children."""

    children: int = 5


@job_type("chaos_instant", title="Instant", retry=ALWAYS)
def instant(job: JobContext, payload: Expected) -> None:
    """Do next to nothing."""
    with ledger.attempt(job.id, job.fencing_token):
        job.message(f"should end {payload.ends}")


@job_type("chaos_limited", title="Two at a time", retry=ALWAYS, max_running=2)
def limited(job: JobContext, payload: Expected) -> None:
    """Hold one of the few slots for a moment."""
    with ledger.attempt(job.id, job.fencing_token):
        time.sleep(0.05)
        job.message(f"should end {payload.ends}")


@job_type("chaos_paced", title="Long, with checkpoints", retry=ALWAYS)
def paced(job: JobContext, payload: Paced) -> None:
    """Continue from the last checkpoint, and save one after each step."""
    with ledger.attempt(job.id, job.fencing_token) as page:
        for step in range(job.state.get("step", 0), payload.steps):
            time.sleep(payload.seconds)
            page.record("step", str(step))
            job.save_state({"step": step + 1})
            job.progress(done=step + 1, total=payload.steps)


@job_type("chaos_files", title="Writes files", retry=ALWAYS)
def files(job: JobContext, payload: Expected) -> None:
    """Write two files, and record each one in the ledger after it was stored."""
    with ledger.attempt(job.id, job.fencing_token) as page:
        for number in range(2):
            name, content = f"{job.fencing_token}-{number}.bin", _content(job.id, number)
            job.attach(name, content)
            page.record("file", f"{name} {sha256(content).hexdigest()}")
        job.message(f"should end {payload.ends}")


@job_type("chaos_root", title="Has children", retry=ALWAYS)
def root(job: JobContext, payload: Parent) -> None:
    """Create children."""
    with ledger.attempt(job.id, job.fencing_token):
        for number in range(payload.children):
            job.spawn("chaos_files" if number % 3 == 0 else "chaos_instant", {}, name=str(number))


@job_type("chaos_flaky", title="Fails at first", retry=ALWAYS)
def flaky(job: JobContext, payload: Expected) -> None:
    """Fail a few times, then succeed."""
    with ledger.attempt(job.id, job.fencing_token) as page:
        failures = job.state.get("failures", 0)
        if failures < FAILURES:
            job.save_state({"failures": failures + 1})
            page.record("raise")
            message = f"a temporary error; the job should end {payload.ends}"
            raise RuntimeError(message)


@job_type("chaos_hopeless", title="Always fails", retry=ALWAYS)
def hopeless(job: JobContext, payload: Expected) -> None:
    """Fail without a retry."""
    with ledger.attempt(job.id, job.fencing_token):
        raise JobError(f"This job should end {payload.ends}.")


def _content(job_id: UUID, number: int) -> bytes:
    return job_id.bytes * (1000 * (number + 1))
