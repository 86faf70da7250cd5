"""The `deskjob` commands. Exit status: 0 done, 1 failed, 2 bad usage, a bad setting or not ready.

Commands call the same services as the pages. Each place below names the module and the function of
a command; the module is imported when the command is called.
"""

import atexit
import gc
import sys
from importlib import import_module

import click

from webapp.cli.command_group import BadUsage, CommandGroup, LazyGroup, check_settings, load, loaded, refuse_server
from webapp.cli.jobs import job
from webapp.cli.schedules import schedule

BAD_USAGE = 2
_PROGRAMS = frozenset({"up", "web", "worker", "clock"})  # that run on
_FEW_COLLECTIONS = 200_000  # new objects between two of them


@click.group(
    cls=CommandGroup,
    invoke_without_command=True,
    places={
        "list": ("workers:show_all", "List the workers of every machine."),
        "stop": ("workers:stop", "Stop a worker after its current job."),
    },
)
@click.option("--queues", default="", metavar="NAMES", help="Comma-separated names. Default: all queues.")
@click.option("--workers", type=click.IntRange(1, 64), help="Number of workers. Default: DESKJOB_WORKERS.")
@click.option("--job", "job_id", metavar="ID", help="Run this launched or queued job only, and end with it.")
@click.pass_context
def worker(context: click.Context, queues: str, workers: int | None, job_id: str | None) -> None:
    """Run workers, or list and stop them.

    Without a command, run workers in the foreground until SIGTERM or Ctrl-C. With `--job`, run one job: this is the
    command for processes that another system starts. The exit status is then 1 unless the job completes.
    """
    if context.invoked_subcommand is None:
        if import_module("webapp.cli.context").is_remote():
            refuse_server(context.command_path)
        check_settings()
        if job_id is None:
            load("processes:run_workers")(queues, workers)
        else:
            load("processes:run_one_job")(job_id)


@click.group(
    cls=LazyGroup,
    places={
        "upgrade": ("operations.database:upgrade", "Migrate the database to the newest revision."),
        "check": ("operations.database:check", "Check that the tables match the code."),
    },
    on_machine=("upgrade", "check"),
)
def db() -> None:
    """Migrate and check the database."""


@click.group(
    cls=CommandGroup,
    places={
        "add": ("accounts.users:add", "Add a user."),
        "list": ("accounts.users:show_all", "List users."),
        "role": ("accounts.users:role", "Change the role of a user."),
        "disable": ("accounts.users:disable", "Disable an account and end its sessions."),
        "enable": ("accounts.users:enable", "Enable a disabled account."),
        "password": ("accounts.users:password", "Set a new password and end the user's sessions."),
        "remove-second-factor": (
            "accounts.users:remove_second_factor",
            "Remove the second factor of a user who has lost it.",
        ),
    },
)
def user() -> None:
    """Add, list and change users."""


@click.group(
    cls=CommandGroup,
    places={
        "list": (
            "accounts.groups:show_all",
            "List the groups of users, with their members and job types.",
        ),
        "show": ("accounts.groups:show", "Show a group and its members."),
        "add": ("accounts.groups:add", "Add a group."),
        "remove": ("accounts.groups:remove", "Remove a group."),
        "types": ("accounts.groups:types", "Set the job types that only members can start."),
        "add-member": ("accounts.groups:add_member", "Add a user to a group."),
        "remove-member": ("accounts.groups:remove_member", "Remove a user from a group."),
    },
)
def group() -> None:
    """Manage groups of users."""


@click.group(
    cls=CommandGroup,
    places={
        "list": ("accounts.budgets:show_all", "List what users have used in this month, and their limits."),
        "show": ("accounts.budgets:show", "Show what a user has used in this month, and the limits."),
        "set": ("accounts.budgets:set_limits", "Set the limits of a user or a role."),
        "clear": (
            "accounts.budgets:clear",
            "Remove the limits of a user or a role, so that those of the role or of everyone apply.",
        ),
    },
)
def budget() -> None:
    """Limit the jobs, processor time and memory of users per month."""


@click.group(
    cls=CommandGroup,
    places={
        "add": ("accounts.tokens:add", "Create a token of a user or a service account, and print it."),
        "list": ("accounts.tokens:show_all", "List the tokens, the newest first."),
        "revoke": ("accounts.tokens:revoke", "Revoke a token, given by its name, its ID or its beginning."),
    },
)
def token() -> None:
    """Create, list and revoke API tokens."""


@click.group(
    cls=CommandGroup,
    places={
        "list": ("queueing.queues:show_all", "List the queues with their waiting and running jobs."),
        "add": ("queueing.queues:add", "Add a queue that no job type names."),
        "pause": ("queueing.queues:pause", "Pause a queue."),
        "resume": ("queueing.queues:resume", "Resume a paused queue."),
        "limit": ("queueing.queues:limit", "Limit how many jobs of a queue run at once."),
        "empty": ("queueing.queues:empty", "Stop every waiting job of a queue."),
        "remove": (
            "queueing.queues:remove",
            "Remove a queue that no job type, no schedule and no unfinished job uses.",
        ),
    },
)
def queue() -> None:
    """List, add, pause, limit, empty and remove queues."""


@click.group(
    cls=CommandGroup,
    places={
        "list": ("notification_rules:show_all", "List the notification rules of the installation, or of a user."),
        "add": ("notification_rules:add", "Add a notification rule, and print the signing key of a webhook."),
        "edit": ("notification_rules:edit", "Change a notification rule, given by its ID."),
        "switch": ("notification_rules:switch", "Switch a notification rule on or off, given by its ID."),
        "remove": ("notification_rules:remove", "Delete a notification rule, given by its ID."),
        "test": ("notification_rules:test", "Send a test message by a rule, given by its ID."),
        "log": (
            "notification_rules:log",
            "List deliveries, newest first: of all rules, or of a user's own.",
        ),
        "send-again": ("notification_rules:send_again", "Send a message again, whether or not it arrived."),
    },
)
def notifications() -> None:
    """List, add, edit, switch, test and remove notification rules, and show their deliveries."""


@click.group(
    cls=CommandGroup,
    places={
        "list": ("flows:show_all", "List the newest flows."),
        "start": ("flows:start", "Start a flow and print its ID."),
        "show": ("flows:show", "Show a flow with the status of each of its jobs."),
        "cancel": ("flows:cancel", "Stop the jobs of a flow that have not ended."),
        "retry": ("flows:retry", "Retry what did not complete of a flow, in its order."),
    },
)
def flows() -> None:
    """Start graphs of jobs, list, show, stop and retry them."""


@click.group(
    "type",
    cls=CommandGroup,
    places={
        "list": ("job_types:show_all", "List the job types, and why some are disabled."),
        "disable": ("job_types:disable", "Disable a job type."),
        "enable": ("job_types:enable", "Enable a disabled job type."),
    },
)
def job_type() -> None:
    """List, disable and enable job types."""


@click.group(
    cls=CommandGroup,
    places={
        "list": ("error_groups:show_all", "List the errors of jobs, grouped."),
        "show": ("error_groups:show", "Show an error."),
        "resolve": ("error_groups:resolve", "Mark an error as fixed."),
        "ignore": ("error_groups:ignore", "Ignore an error."),
        "reopen": ("error_groups:reopen", "Open an error again."),
        "retry": ("error_groups:retry", "Retry every job that failed with an error and was not retried since."),
    },
)
def error() -> None:
    """List errors, settle them, and retry their jobs.

    ERROR is the fingerprint of an error, which the list shows first.
    """


@click.group(
    cls=CommandGroup,
    places={
        "rotate": (
            "operations.secret_key:rotate",
            "Replace the secret key, and encrypt all stored secrets with the new one.",
        ),
        "status": (
            "operations.secret_key:status",
            "Show how many old keys are accepted, and how many stored secrets need one.",
        ),
        "forget": ("operations.secret_key:forget", "Remove the old keys when nothing needs them."),
    },
)
def secrets() -> None:
    """Replace the secret key of the installation."""


@click.group(
    cls=CommandGroup,
    places={
        "move": ("operations.files:move", "Move the files of all jobs to a folder or a bucket, while Deskjob runs.")
    },
    on_machine=("move",),
)
def files() -> None:
    """Move the files of the installation."""


@click.group(
    cls=CommandGroup,
    places={
        "add": ("webhooks:add", "Create a webhook, and print its secret."),
        "list": ("webhooks:show_all", "List the webhooks."),
        "rotate": ("webhooks:rotate", "Replace the secret of a webhook, and print the new one."),
        "disable": ("webhooks:disable", "Refuse further messages of a webhook."),
        "enable": ("webhooks:enable", "Accept the messages of a webhook again."),
        "delete": ("webhooks:delete", "Delete a webhook with its log."),
        "log": ("webhooks:log", "Show the messages of a webhook and their responses."),
        "retry": ("webhooks:retry", "Retry an authentic message that started no job."),
    },
)
def webhook() -> None:
    """Create and manage inbound webhooks."""


@click.group(
    cls=LazyGroup,
    places={
        "up": ("processes:up", "Run Valkey, the web server, workers and the clock."),
        "web": ("serve:web", "Run the web server."),
        "worker": worker,
        "clock": ("processes:clock", "Run the clock, which starts due jobs."),
        "maintain": ("processes:maintain", "Run the clock's chores and maintenance once."),
        "demo": ("operations.demo:demo", "Fill an empty installation with sample data: users, jobs, files, history."),
        "verify": ("operations.verify:verify", "Check that nothing is lost, duplicated or left behind."),
        "doctor": ("operations.doctor:doctor", "Check this installation."),
        "backup": ("operations.backup:backup", "Write a backup of rows and files, while Deskjob runs."),
        "restore": ("operations.backup:restore", "Restore a backup into an empty installation."),
        "db": db,
        "user": user,
        "group": group,
        "budget": budget,
        "token": token,
        "job": job,
        "flows": flows,
        "schedule": schedule,
        "queue": queue,
        "pause": ("queueing.global_pause:pause", "Pause everything: no job of any queue starts."),
        "resume": ("queueing.global_pause:resume", "Resume after a pause of everything."),
        "notifications": notifications,
        "type": job_type,
        "error": error,
        "webhook": webhook,
        "secrets": secrets,
        "files": files,
    },
    on_machine=("up", "web", "clock", "maintain", "demo", "verify", "doctor", "backup", "restore"),
)
@click.option("--server", envvar="DESKJOB_SERVER", metavar="URL", help="Work with another installation, over its API.")
@click.option(
    "--token", "api_token", envvar="DESKJOB_TOKEN", metavar="TOKEN", help="An API token of that installation."
)
def deskjob(server: str | None, api_token: str | None) -> None:
    """Run Deskjob, the back office for background jobs."""
    context = import_module("webapp.cli.context")
    if not server:
        context.use_own_installation()
        return
    if not api_token:
        raise BadUsage("--server needs a token: --token, or better the variable DESKJOB_TOKEN.")
    context.use_server(server, api_token)


def main() -> None:
    """Run a command; report a bad setting, a missing part or an unusable database in one sentence."""
    if _PROGRAMS.isdisjoint(sys.argv):  # it ends before there is garbage: looking for it took a tenth of its CPU time
        gc.set_threshold(_FEW_COLLECTIONS)
    atexit.register(gc.freeze)  # the interpreter looks for garbage twice when it ends: a sixth of a command's CPU time
    try:
        deskjob(prog_name="deskjob")
    except loaded("webapp.config", "BadSettingError", "Unready") as error:
        click.echo(f"deskjob: {error}", err=True)
        sys.exit(BAD_USAGE)
    except loaded("sqlalchemy.exc", "DBAPIError") as error:
        reason = " ".join(str(getattr(error, "orig", error)).split())
        click.echo(f"deskjob: the database cannot be used: {reason}", err=True)
        sys.exit(BAD_USAGE)
