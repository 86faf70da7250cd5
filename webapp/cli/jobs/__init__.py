"""job: start, list and manage jobs, with the same checks as on the pages."""

import click

from webapp.cli.command_group import CommandGroup


@click.group(
    cls=CommandGroup,
    places={
        "types": ("jobs.job_list:types", "List the job types."),
        "list": ("jobs.job_list:show_all", "List the newest jobs of all users."),
        "show": ("jobs.job_list:show", "Show a job."),
        "children": ("jobs.job_list:children", "List the child jobs of a job."),
        "start": ("jobs.start:start", "Start a job and print its ID."),
        "run": ("jobs.run:run", "Run a job in this process, or show what it would do."),
        "log": ("jobs.log:log", "Print the log of a job."),
        "files": ("jobs.files:files", "List or download the files of a job."),
        "cancel": ("jobs.actions:cancel", "Stop jobs."),
        "retry": ("jobs.actions:retry", "Retry failed, stopped or lost jobs."),
        "run-again": ("jobs.actions:run_again", "Start a new job with the input of another one."),
        "delete": ("jobs.actions:delete", "Delete finished jobs."),
        "priority": ("jobs.actions:priority", "Change the priority of a waiting job."),
    },
)
def job() -> None:
    """Start, list and manage jobs.

    An ID is the whole ID of a job or its last eight digits.
    """
