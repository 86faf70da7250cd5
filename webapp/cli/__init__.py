"""The `deskjob` commands. Exit status: 0 done, 1 failed, 2 bad usage, a bad setting or not ready.

The commands, one module per group; they ask the same verbs as the pages do.
"""

import sys
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

import click
from sqlalchemy.exc import DBAPIError

from webapp.config import BadSettingError
from webapp.processes.preflight import Unready

BAD_USAGE = 2
PLACES: Mapping[str, str] = MappingProxyType(
    {
        "up": "serve:up",
        "web": "serve:web",
        "worker": "processes:worker",
        "clock": "processes:clock",
        "maintain": "processes:maintain",
        "demo": "demo:demo",
        "verify": "verify:verify",
        "db": "database:db",
        "user": "users:user",
        "job": "jobs:job",
        "schedule": "schedules:schedule",
        "queue": "queues:queue",
        "type": "job_types:job_type",
    }
)  # the module of each command, and its name there


class _Commands(click.Group):
    """Imports a command's module when it is asked for: each needs but a part of the house."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        return list(PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in PLACES:
            return None
        module, _, name = PLACES[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"webapp.cli.{module}"), name)
        return command


@click.group(cls=_Commands)
def deskjob() -> None:
    """Run Deskjob, the back office for background jobs."""


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
