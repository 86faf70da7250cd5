"""schedule pause, resume, run-now and remove."""

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

_schedule = click.argument("schedule", metavar="NAME", type=SCHEDULE)


@click.command()
@_schedule
@click.option("--reason", default="", help="The reason, which other users see.")
@in_json
def pause(schedule: Schedule, reason: str, *, in_json: bool) -> None:
    """Pause a schedule. It starts no jobs until you resume it; running jobs continue."""
    with _audited(AuditAction.SCHEDULE_PAUSE, schedule, after={"why": reason}):
        paused = services().schedules.pause(schedule, reason=reason)
    print_schedule(paused, in_json=in_json)


@click.command()
@_schedule
@in_json
def resume(schedule: Schedule, *, in_json: bool) -> None:
    """Resume a paused schedule. Runs that were missed during the pause are skipped."""
    with _audited(AuditAction.SCHEDULE_RESUME, schedule):
        resumed = services().schedules.resume(schedule)
    print_schedule(resumed, in_json=in_json)


@click.command("run-now")
@_schedule
@in_json
def run_now(schedule: Schedule, *, in_json: bool) -> None:
    """Start a job of a schedule now and print its ID. The schedule itself does not change."""
    with _audited(AuditAction.SCHEDULE_RUN, schedule):
        job = services().schedule_runner.run_now(schedule)
    click.echo(as_json(job.to_dict()) if in_json else str(job.id))


@click.command()
@_schedule
@in_json
def remove(schedule: Schedule, *, in_json: bool) -> None:
    """Delete a schedule. The jobs that it started are kept."""
    with _audited(AuditAction.SCHEDULE_REMOVE, schedule, before=ScheduleDraft.from_schedule(schedule).to_dict()):
        services().schedules.delete(schedule.id)
    click.echo(as_json({"removed": schedule.id}) if in_json else f"Deleted the schedule {schedule.name}.")


def _audited(action: AuditAction, schedule: Schedule, **states: Any) -> AbstractContextManager[None]:
    return audited(action, AuditTarget.SCHEDULE, schedule.id, name=schedule.name, **states)
