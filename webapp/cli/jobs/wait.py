"""Wait for the end of a job and print its progress."""

from time import sleep

import click

from webapp.cli.command_group import Failed
from webapp.cli.context import services
from webapp.cli.output import as_json, progress_line
from webapp.jobs.model.job import Job, Status

LOOK_SECONDS = 0.3
_ENDED = {Status.FAILED: "failed", Status.CANCELLED: "was stopped", Status.STALE: "was lost"}


def until_end(job: Job, *, in_json: bool) -> None:
    """Print each change on standard error, or with ``in_json`` only the result; raise `Failed` unless it completes."""
    if not in_json:
        _warn_without_workers(job)
    try:
        finished_job = _follow(job, quiet=in_json)
    except KeyboardInterrupt:
        raise Failed(f"Stopped waiting. Job {job.short_id} is not stopped; `deskjob job cancel` stops it.") from None
    if in_json:
        click.echo(as_json(finished_job.to_dict()))
    if finished_job.status is not Status.COMPLETED:
        raise Failed(outcome(finished_job))


def _follow(job: Job, *, quiet: bool) -> Job:
    printed = ""
    while True:
        if not quiet and (line := progress_line(job)) != printed:
            click.echo(line, err=True)
            printed = line
        if job.is_finished:
            return job
        sleep(LOOK_SECONDS)
        job = services().jobs.get(job.id)


def _warn_without_workers(job: Job) -> None:
    if not services().wake_ups.workers_alive(job.queue):
        click.echo(f"No worker serves the queue {job.queue}. The job waits until one does.", err=True)


def outcome(job: Job) -> str:
    """Return the sentence for a job that has not completed."""
    if job.waits_for_answer:
        return f"Job {job.short_id} waits for an answer: deskjob job answer {job.short_id}"
    why = f": {job.errors[-1]['text']}" if job.errors else "."
    return f"Job {job.short_id} {_ENDED.get(job.status, f'is {job.status}')}{why}"
