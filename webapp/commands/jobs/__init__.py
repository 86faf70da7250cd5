"""job: start jobs, look at them and steer them. The same checks as on the pages."""

import click

from webapp.commands.jobs import files, lists, log, start, verbs
from webapp.commands.refusing import Commands


@click.group(cls=Commands)
def job() -> None:
    """Start jobs, look at them and steer them.

    Wherever an ID is asked for, its last eight digits do, too.
    """


for command in (
    *(lists.types, lists.show_all, lists.show, lists.children),
    *(start.start, log.log, files.files),
    *(verbs.cancel, verbs.retry, verbs.run_again, verbs.delete, verbs.priority),
):
    job.add_command(command)
