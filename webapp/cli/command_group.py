"""Groups of commands that import a command only to run it, and that report each mistake in one sentence.

Help texts, mistakes on the command line and bad settings must not wait for SQLAlchemy, Redis and the
engine. A group knows only the name and the summary of its commands. The module of a command imports
plain values at its top; its functions import the rest. `webapp.jobs`, often called ``engine`` here,
loads a name when it is used, and the engine's errors are looked up when one was raised.
"""

import os
import sys
from collections.abc import Collection, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import IO, Any, NoReturn

import click

from webapp.cli.context import is_remote

_LISTS: Mapping[str, str] = MappingProxyType(
    {
        "job type": "job types",
        "queue": "queue list` and `queue add",
        "job": "job list",
        "schedule": "schedule list",
        "error": "error list",
    }
)


_ALSO_CALLED = {"stop": "cancel"}  # what pages call it: the command
_HINTS = {"job type": " DESKJOB_JOBTYPES names the modules of your own, for commands too."}


class Failed(click.ClickException):
    """Raised when a correct command could not be carried out."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002  (click's signature)
        """Print the sentence."""
        click.echo(f"deskjob: {self.message}", err=True)


class BadUsage(Failed):
    """Raised when a command or its options make no sense; nothing was changed."""

    exit_code = 2


class NotFound(BadUsage):
    """Raised when an object that a command names does not exist."""

    def __init__(self, sentence: str, kind: str) -> None:
        """Add the command that lists the objects of this ``kind``."""
        super().__init__(f"{sentence} See `deskjob {_LISTS[kind]}`.{_HINTS.get(kind, '')}")


class LazyCommand(click.Command):
    """The name and summary of a command, which stand for it in the help of its group."""

    def __init__(self, name: str, place: str, summary: str, *, on_machine: bool = False) -> None:
        """Take the ``place`` of the command below `webapp.cli`: ``module:attribute``.

        A command ``on_machine`` works on the machine of the installation only, not with ``--server``.
        """
        super().__init__(name, short_help=summary)
        self._place = place
        self.on_machine = on_machine

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Import the command and parse its arguments; raise `BadSettingError` before it runs if a setting is bad."""
        if self.on_machine and is_remote() and "--help" not in args:
            refuse_server(f"{parent.command_path if parent else ''} {info_name}".strip())
        context = self.load().make_context(info_name, args, parent, **extra)
        if not is_remote():
            check_settings()
        return context

    def load(self) -> click.Command:
        """Import the command."""
        command: click.Command = load(self._place)
        return command


class LazyGroup(click.Group):
    """A group that imports a command when it is called, in the order of ``places`` in its help.

    ``places`` maps the name of a command to its place and summary, or to the command; ``on_machine`` are those that
    work on the machine of the installation only.
    """

    def __init__(
        self,
        *args: Any,
        places: Mapping[str, tuple[str, str] | click.Command],
        on_machine: Collection[str] = (),
        **attributes: Any,
    ) -> None:
        super().__init__(*args, **attributes)
        for name, place in places.items():
            command = (
                place if isinstance(place, click.Command) else LazyCommand(name, *place, on_machine=name in on_machine)
            )
            self.add_command(command, name)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        """Return the names in the order of ``places``."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; suggest the one that does what a button of that name does."""
        meant = _ALSO_CALLED.get(args[0])
        if meant in self.commands and args[0] not in self.commands:
            ctx.fail(f"No such command '{args[0]}'. Did you mean '{meant}'?")
        return super().resolve_command(ctx, args)


class CommandGroup(LazyGroup):
    """A group that turns the errors of click and of the engine into `Failed` or `BadUsage`."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            raise BadUsage(_with_help(error)) from None
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except loaded("webapp.config", "BadSettingError", "Unready"):
            raise
        except Exception as error:
            from webapp.cli.errors import refusal_of  # imports the engine

            refusal = refusal_of(error)
            if refusal is None:
                raise
            raise refusal from None


def load(place: str) -> Any:
    """Import ``module:attribute`` below `webapp.cli`."""
    module, _, name = place.partition(":")
    return getattr(import_module(f"webapp.cli.{module}"), name)


def refuse_server(command_path: str) -> NoReturn:
    """Say that a command does not work over the API."""
    raise BadUsage(
        f"`{command_path}` works on the machine of the installation only. Leave out --server and DESKJOB_SERVER."
    )


def check_settings() -> None:
    """Raise `BadSettingError` if a setting is bad, before anything large is imported; warn about unknown ones."""
    config = import_module("webapp.config")
    config.load()
    for sentence in config.unknown_settings(os.environ):
        click.echo(f"deskjob: warning: {sentence}", err=True)


def loaded(module: str, *names: str) -> tuple[type[Exception], ...]:
    """Return exception classes of a module, or none if it is not imported and so cannot have raised them."""
    return tuple(getattr(sys.modules[module], name) for name in names) if module in sys.modules else ()


def _with_help(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx else "deskjob"
    message = error.format_message()
    return f"{message if message.endswith(('.', '?')) else f'{message}.'} See `{path} --help`."
