"""job log: print or follow the log of a job."""

from __future__ import annotations

from time import sleep
from typing import TYPE_CHECKING
from uuid import UUID

import click

from webapp.cli.context import services
from webapp.cli.jobs.wait import LOOK_SECONDS
from webapp.cli.output import as_json_line, readable
from webapp.cli.parameters import JOB, in_json
from webapp.jobs.model.job import Job

if TYPE_CHECKING:
    from webapp.jobs.queries.log_lines import LogLine


@click.command()
@click.argument("job", metavar="ID", type=JOB)
@click.option("--follow", is_flag=True, help="Keep printing new lines until the job ends.")
@in_json
def log(job: Job, *, follow: bool, in_json: bool) -> None:
    """Print the log of a job. With --json, each line is an object."""
    last = _print_after(0, job.id, in_json=in_json)
    while follow and not job.is_finished:
        sleep(LOOK_SECONDS)
        job = services().jobs.get(job.id)  # read before the lines, so that no line is missed after the job ended
        last = _print_after(last, job.id, in_json=in_json)


def _print_after(last: int, job_id: UUID, *, in_json: bool) -> int:
    while lines := services().queries.logs.log(job_id, after=last):
        for line in lines:
            click.echo(as_json_line(line) if in_json else _shown(line))
        last = lines[-1].id
    return last


def _shown(line: LogLine) -> str:
    return f"{line.at:%Y-%m-%d %H:%M:%S} {line.level:<8} {readable(line.text)}"
