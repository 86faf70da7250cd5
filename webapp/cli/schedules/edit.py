"""schedule add and edit."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click
from uuid_utils.compat import uuid7

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import audited
from webapp.cli.context import services
from webapp.cli.parameters import PAYLOAD, PRIORITY, TAGS, in_json, owner_of
from webapp.cli.schedules.output import SCHEDULE, print_schedule
from webapp.jobs.schedules.draft import ScheduleDraft
from webapp.jobs.schedules.misfires import MisfirePolicy
from webapp.jobs.schedules.schedule import Schedule

F = TypeVar("F", bound=Callable[..., Any])
_MISSED = click.Choice([policy.value for policy in MisfirePolicy])


def _timing(command: F) -> F:
    options = (
        click.option("--zone", help="Time zone of the rule. Default of a new schedule: DESKJOB_TIMEZONE."),
        click.option(
            "--missed",
            type=_MISSED,
            help="What to do with runs that were missed because no clock was running.",
        ),
        click.option(
            "--one-at-a-time/--any-number",
            default=None,
            help="Whether to skip a run while the previous job is unfinished.",
        ),
        click.option("--queue", metavar="NAME|none", help="Queue of its jobs. 'none': that of the job type."),
        click.option("--priority", type=PRIORITY, help="Priority of its jobs. Higher priorities run first."),
        click.option("--tags", type=TAGS, metavar="A,B|none", help="Tags of its jobs. 'none' removes them."),
        click.option("--payload", type=PAYLOAD, help="The payload of its jobs, as a JSON object."),
        in_json,
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("name")
@click.argument("type_name", metavar="TYPE")
@click.option("--rule", required=True, help="Cron rule with five fields, such as '0 2 * * 1-5'.")
@click.option("--as", "person", metavar="NAME", help="The user who owns its jobs. Default: the system.")
@click.option("--private", is_flag=True, help="Do not show the jobs of the system to all users.")
@_timing
def add(
    name: str,
    type_name: str,
    person: str | None,
    payload: dict[str, Any] | None,
    *,
    private: bool,
    in_json: bool,
    **options: Any,
) -> None:
    """Add a schedule that starts jobs of a type."""
    values = {key: value for key, value in _parsed(options).items() if value is not None}
    owner = owner_of(person, type_name, public=not private)
    draft = ScheduleDraft(**{"name": name, "zone": services().settings.timezone, **values, "owner": owner})
    schedule_id = uuid7()
    with audited(AuditAction.SCHEDULE_ADD, AuditTarget.SCHEDULE, schedule_id, name=name, after=draft.to_dict()):
        schedule = services().schedules.add(type_name, payload or {}, draft, schedule_id=schedule_id)
    print_schedule(schedule, in_json=in_json)


@click.command()
@click.argument("schedule", metavar="NAME", type=SCHEDULE)
@click.option("--name", help="New name.")
@click.option("--rule", help="New cron rule.")
@_timing
def edit(schedule: Schedule, payload: dict[str, Any] | None, *, in_json: bool, **options: Any) -> None:
    """Change a schedule. Options that are not given, and the job type, stay as they are."""
    values = {key: value for key, value in _parsed(options).items() if options[key] is not None}
    before, after = ScheduleDraft.from_schedule(schedule), replace(ScheduleDraft.from_schedule(schedule), **values)
    states = {"before": before.to_dict(), "after": after.to_dict()}
    with audited(AuditAction.SCHEDULE_CHANGE, AuditTarget.SCHEDULE, schedule.id, name=schedule.name, **states):
        changed = services().schedules.change(schedule, after, payload=payload)
    print_schedule(changed, in_json=in_json)


def _parsed(options: dict[str, Any]) -> dict[str, Any]:
    return {**options, "queue": None if options["queue"] == "none" else options["queue"]}
