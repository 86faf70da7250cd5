"""schedule: jobs that start at the times of a cron rule, with the same checks as on the pages."""

import click

from webapp.cli.command_group import CommandGroup


@click.group(
    cls=CommandGroup,
    places={
        "list": ("schedules.schedule_list:show_all", "List the schedules by name."),
        "show": ("schedules.schedule_list:show", "Show a schedule, its next times and its last runs."),
        "add": ("schedules.edit:add", "Add a schedule that starts jobs of a type."),
        "edit": ("schedules.edit:edit", "Change a schedule."),
        "pause": ("schedules.actions:pause", "Pause a schedule."),
        "resume": ("schedules.actions:resume", "Resume a paused schedule."),
        "run-now": ("schedules.actions:run_now", "Start a job of a schedule now and print its ID."),
        "remove": ("schedules.actions:remove", "Delete a schedule."),
    },
)
def schedule() -> None:
    """Start jobs on a schedule.

    NAME is the name or the ID of a schedule.
    """
