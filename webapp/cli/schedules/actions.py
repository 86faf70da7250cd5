"""What can be done with a schedule: pause, resume, run now, remove."""

from contextlib import AbstractContextManager
from typing import Any

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import audited
from webapp.cli.context import services
from webapp.cli.output import as_json
from webapp.cli.parameters import in_json
from webapp.cli.schedules.output import SCHEDULE, print_schedule
from webapp.jobs.schedules.draft import ScheduleDraft
from webapp.jobs.schedules.schedule import Schedule

_one = click.argument("one", metavar="NAME", type=SCHEDULE)


@click.command()
@_one
@click.option("--reason", default="", help="Why; people read it.")
@in_json
def pause(one: Schedule, reason: str, *, in_json: bool) -> None:
    """Pause a schedule. It starts no jobs until you resume it; running jobs continue."""
    with _audited(AuditAction.SCHEDULE_PAUSE, one, after={"why": reason}):
        paused = services().schedules.pause(one, why=reason)
    print_schedule(paused, in_json=in_json)


@click.command()
@_one
@in_json
def resume(one: Schedule, *, in_json: bool) -> None:
    """Resume a paused schedule. Runs that were missed during the pause are not made up."""
    with _audited(AuditAction.SCHEDULE_RESUME, one):
        resumed = services().schedules.resume(one)
    print_schedule(resumed, in_json=in_json)


@click.command("run-now")
@_one
@in_json
def run_now(one: Schedule, *, in_json: bool) -> None:
    """Start a job of a schedule now and print its ID. The schedule itself does not change."""
    with _audited(AuditAction.SCHEDULE_RUN, one):
        made = services().schedule_runner.run_now(one)
    click.echo(as_json(made.to_dict()) if in_json else str(made.id))


@click.command()
@_one
@in_json
def remove(one: Schedule, *, in_json: bool) -> None:
    """Delete a schedule. The jobs that it started are kept."""
    with _audited(AuditAction.SCHEDULE_REMOVE, one, before=ScheduleDraft.from_schedule(one).to_dict()):
        services().schedules.delete(one.id)
    click.echo(as_json({"removed": one.id}) if in_json else f"{one.name} was removed.")


def _audited(action: AuditAction, one: Schedule, **states: Any) -> AbstractContextManager[None]:
    return audited(action, AuditTarget.SCHEDULE, one.id, name=one.name, **states)
