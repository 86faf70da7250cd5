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
        "edit": ("jobs.edit:edit", "Edit a job that has not started."),
        "tags": ("jobs.attributes:tags", "Change the tags of jobs."),
        "share": ("jobs.attributes:share", "Share jobs with a group, whose members can then read them."),
        "unshare": ("jobs.attributes:unshare", "Share jobs with no group any more."),
        "approvals": ("jobs.approvals:approvals", "List the jobs that wait for somebody's approval."),
        "approve": ("jobs.approvals:approve", "Approve a job that waits for it."),
        "reject": ("jobs.approvals:reject", "Reject a job that waits for approval."),
        "questions": ("jobs.questions:questions", "List the questions that jobs ask somebody."),
        "answer": ("jobs.questions:answer", "Answer the question that a job waits for."),
        "run-next": ("jobs.attributes:run_next", "Move waiting jobs to the front of their queues."),
        "keep": ("jobs.attributes:keep", "Keep jobs."),
        "keep-no-longer": ("jobs.attributes:keep_no_longer", "Delete kept jobs on their normal schedule again."),
        "make-public": ("jobs.attributes:make_public", "Show jobs of the system to every user."),
        "make-private": ("jobs.attributes:make_private", "Hide jobs of the system from other users."),
        "events": ("jobs.history:events", "List what happened to a job."),
        "stack": ("jobs.stack:stack", "Show where a running job hangs."),
        "steps": ("jobs.history:steps", "List the ended steps of a job."),
        "compare": ("jobs.history:compare", "Compare two jobs."),
        "attempts": ("jobs.history:attempts", "List the ended attempts of a job."),
    },
)
def job() -> None:
    """Start, list and manage jobs.

    An ID is the whole ID of a job or its last eight digits.
    """
