"""The `deskjob` commands. Exit status: 0 done, 1 failed, 2 bad usage, a bad setting or not ready."""

import sys

import click
from sqlalchemy.exc import DBAPIError

from webapp.commands import database, demo, jobs, processes, queues, schedules, types, users, verify, workers
from webapp.config import BadSettingError
from webapp.processes.setup import Unready

BAD_USAGE = 2


@click.group()
def deskjob() -> None:
    """Run Deskjob, the back office for background jobs."""


for command in (
    processes.up,
    processes.web,
    processes.worker,
    processes.clock,
    processes.maintain,
    demo.demo,
    verify.verify,
):
    deskjob.add_command(command)
for command in (workers.show_all, workers.stop):
    processes.worker.add_command(command)
for group in (database.db, users.user, jobs.job, schedules.schedule, queues.queue, types.job_type):
    deskjob.add_command(group)


def main() -> None:
    """Run a command; what goes wrong by a setting or a missing part is one sentence."""
    try:
        deskjob(prog_name="deskjob")
    except (BadSettingError, Unready) as error:
        click.echo(f"deskjob: {error}", err=True)
        sys.exit(BAD_USAGE)
    except DBAPIError as error:
        click.echo(f"deskjob: the database cannot be used: {' '.join(str(error.orig).split())}", err=True)
        sys.exit(BAD_USAGE)


if __name__ == "__main__":
    main()
