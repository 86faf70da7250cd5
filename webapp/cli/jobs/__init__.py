"""job: start jobs, look at them and steer them. The same checks as on the pages."""

import click

from webapp.cli.errors import Commands
from webapp.cli.jobs import actions, files, job_list, log, start


@click.group(cls=Commands)
def job() -> None:
    """Start jobs, look at them and steer them.

    Wherever an ID is asked for, its last eight digits do, too.
    """


for command in (
    *(job_list.types, job_list.show_all, job_list.show, job_list.children),
    *(start.start, log.log, files.files),
    *(actions.cancel, actions.retry, actions.run_again, actions.delete, actions.priority),
):
    job.add_command(command)
