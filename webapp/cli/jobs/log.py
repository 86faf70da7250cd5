"""log: what a job wrote down."""

from time import sleep
from uuid import UUID

import click

from webapp.cli.context import services
from webapp.cli.jobs.wait import LOOK_SECONDS
from webapp.cli.output import as_json_line, readable
from webapp.cli.parameters import JOB, in_json
from webapp.jobs.model.job import Job
from webapp.jobs.queries.log_lines import LogLine


@click.command()
@click.argument("one", metavar="ID", type=JOB)
@click.option("--follow", is_flag=True, help="Print what comes, until the job ends.")
@in_json
def log(one: Job, *, follow: bool, in_json: bool) -> None:
    """Print the log of a job. With --json, each line is an object."""
    last = _print_after(0, one.id, in_json=in_json)
    while follow and not one.is_finished:
        sleep(LOOK_SECONDS)
        one = services().jobs.get(one.id)  # read before its lines: then none can come after the last look
        last = _print_after(last, one.id, in_json=in_json)


def _print_after(last: int, job_id: UUID, *, in_json: bool) -> int:
    while lines := services().queries.logs.log(job_id, after=last):
        for line in lines:
            click.echo(as_json_line(line) if in_json else _shown(line))
        last = lines[-1].id
    return last


def _shown(line: LogLine) -> str:
    return f"{line.at:%Y-%m-%d %H:%M:%S} {line.level:<8} {readable(line.text)}"
