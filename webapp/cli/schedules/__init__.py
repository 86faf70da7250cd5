"""schedule: jobs that start by themselves at certain times. The same checks as on the pages."""

import click

from webapp.cli.errors import Commands
from webapp.cli.schedules import actions, edit, schedule_list


@click.group(cls=Commands)
def schedule() -> None:
    """Let jobs start by themselves, at the times of a rule.

    Wherever a NAME is asked for, the id of the schedule does, too.
    """


for command in (
    *(schedule_list.show_all, schedule_list.show, edit.add, edit.edit),
    *(actions.pause, actions.resume, actions.run_now, actions.remove),
):
    schedule.add_command(command)
