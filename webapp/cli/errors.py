"""Refusing: every mistake is one sentence that says what to do, and an exit status."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import IO, Any

import click

from webapp.jobs.definition.disabled_types import TypeDisabled
from webapp.jobs.definition.job_type import InvalidPayload
from webapp.jobs.definition.registry import UnknownJobType
from webapp.jobs.lifecycle.create import BadRequest
from webapp.jobs.model.job import IllegalTransition
from webapp.jobs.queries.all_jobs import AmbiguousId
from webapp.jobs.queueing.queues import UnknownQueue
from webapp.jobs.schedules.draft import InvalidSchedule
from webapp.jobs.schedules.job_factory import CannotStart, PreviousRunUnfinished
from webapp.jobs.schedules.service import ScheduleNotFound, StaleSchedule
from webapp.jobs.store.job_store import JobNotFound
from webapp.jobs.store.unique_keys import DuplicateJob, UniqueKeyTaken

_WHAT_THERE_IS: Mapping[type[Exception], str] = MappingProxyType(
    {
        UnknownJobType: "job types",
        UnknownQueue: "queue list` and `queue add",
        JobNotFound: "job list",
        ScheduleNotFound: "schedule list",
    }
)


class Failed(click.ClickException):
    """What was asked for makes sense, but could not be done."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002  (click's signature)
        """Print the sentence."""
        click.echo(f"deskjob: {self.message}", err=True)


class BadUsage(Failed):
    """What was asked for makes no sense; nothing was changed."""

    exit_code = 2


class Commands(click.Group):
    """A group whose commands may let the engine's errors, and click's, pass: they are said as a sentence here."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            raise BadUsage(_with_help(error)) from None
        except tuple(_WHAT_THERE_IS) as error:
            raise BadUsage(f"{error} See `deskjob {_WHAT_THERE_IS[type(error)]}`.") from None
        except (AmbiguousId, BadRequest, InvalidSchedule, InvalidPayload) as error:
            raise BadUsage(str(error)) from None
        except (DuplicateJob, PreviousRunUnfinished, UniqueKeyTaken) as error:
            raise Failed(f"{error} Wait for its end, or cancel it.") from None
        except (CannotStart, IllegalTransition, StaleSchedule, TypeDisabled) as error:
            raise Failed(str(error)) from None


def _with_help(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx else "deskjob"
    said = error.format_message()
    return f"{said if said.endswith(('.', '?')) else f'{said}.'} See `{path} --help`."
