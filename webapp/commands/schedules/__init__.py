"""schedule: jobs that start by themselves at certain times. The same checks as on the pages."""

import click

from webapp.commands.refusing import Commands
from webapp.commands.schedules import asking, lists, verbs


@click.group(cls=Commands)
def schedule() -> None:
    """Let jobs start by themselves, at the times of a rule.

    Wherever a NAME is asked for, the id of the schedule does, too.
    """


for command in (
    *(lists.show_all, lists.show, asking.add, asking.edit),
    *(verbs.pause, verbs.resume, verbs.run_now, verbs.remove),
):
    schedule.add_command(command)
