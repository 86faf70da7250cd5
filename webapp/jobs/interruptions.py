"""How often in a row a job may be interrupted. Pure.

An attempt that a stopping worker interrupts gives its try back; so a job that stops its own worker
would go on for ever. Each interruption is counted until a checkpoint is saved, and from `MOST` on
it costs a try, as any other loss does.
"""

from webapp.jobs.job import Job

MOST = 10
SENTENCE = (
    f"It was interrupted {MOST} times in a row without saving a checkpoint. "
    "Perhaps it stops its own worker, so it does not get another try for nothing."
)


def exceeded(job: Job) -> bool:
    """Tell whether one more interruption costs a try."""
    return job.interruptions >= MOST
