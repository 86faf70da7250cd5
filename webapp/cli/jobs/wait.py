"""Waiting for a job's end, and saying how far it is."""

from time import sleep

import click

from webapp.cli.command_group import Failed
from webapp.cli.context import services
from webapp.cli.output import as_json, progress_line
from webapp.jobs.model.job import Job, Status

LOOK_SECONDS = 0.3


def until_end(job: Job, *, in_json: bool) -> None:
    """Print each change on standard error, in JSON only the end; `Failed` unless the job completes."""
    if not in_json:
        _warn_if_nobody_listens(job)
    ended = _followed(job, quiet=in_json)
    if in_json:
        click.echo(as_json(ended.to_dict()))
    if ended.status is not Status.COMPLETED:
        raise Failed(_how_it_ended(ended))


def _followed(job: Job, *, quiet: bool) -> Job:
    said = ""
    while True:
        if not quiet and (line := progress_line(job)) != said:
            click.echo(line, err=True)
            said = line
        if job.is_finished:
            return job
        sleep(LOOK_SECONDS)
        job = services().jobs.get(job.id)


def _warn_if_nobody_listens(job: Job) -> None:
    if not services().wake_ups.workers_alive(job.queue):
        click.echo(f"No worker listens to the queue {job.queue}; the job waits until one does.", err=True)


def _how_it_ended(job: Job) -> str:
    why = f": {job.errors[-1]['text']}" if job.errors else "."
    return f"Job {job.short_id} is {job.status}{why}"
