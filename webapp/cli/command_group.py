"""Groups of commands that import a command only to run it, and that report each mistake in one sentence.

Help texts, mistakes on the command line and bad settings must not wait for SQLAlchemy, Redis and the
engine. A group knows only the name and the summary of its commands. The module of a command imports
plain values at its top; its functions import the rest. `webapp.jobs`, often called ``engine`` here,
loads a name when it is used, and the engine's errors are looked up when one was raised.
"""

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import IO, Any

import click


class Failed(click.ClickException):
    """Raised when a correct command could not be carried out."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002  (click's signature)
        """Print the sentence."""
        click.echo(f"deskjob: {self.message}", err=True)


class BadUsage(Failed):
    """Raised when a command or its options make no sense; nothing was changed."""

    exit_code = 2


class LazyCommand(click.Command):
    """The name and summary of a command, which stand for it in the help of its group."""

    def __init__(self, name: str, place: str, summary: str) -> None:
        """Take the ``place`` of the command below `webapp.cli`: ``module:attribute``."""
        super().__init__(name, short_help=summary)
        self._place = place

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Import the command and parse its arguments; raise `BadSettingError` before it runs if a setting is bad."""
        context = self.load().make_context(info_name, args, parent, **extra)
        check_settings()
        return context

    def load(self) -> click.Command:
        """Import the command."""
        command: click.Command = load(self._place)
        return command


class LazyGroup(click.Group):
    """A group that imports a command when it is called, in the order of ``places`` in its help.

    ``places`` maps the name of a command to its place and summary, or to the command.
    """

    def __init__(self, *args: Any, places: Mapping[str, tuple[str, str] | click.Command], **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        for name, place in places.items():
            self.add_command(place if isinstance(place, click.Command) else LazyCommand(name, *place), name)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        """Return the names in the order of ``places``."""
        return list(self.commands)


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
