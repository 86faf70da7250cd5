"""add and edit: what is asked of a schedule."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click
from uuid_utils.compat import uuid7

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import audited
from webapp.cli.context import services
from webapp.cli.parameters import PAYLOAD, PRIORITY, in_json, owner_of
from webapp.cli.schedules.output import SCHEDULE, print_schedule
from webapp.jobs.schedules.draft import ScheduleDraft
from webapp.jobs.schedules.misfires import MisfirePolicy
from webapp.jobs.schedules.schedule import Schedule

F = TypeVar("F", bound=Callable[..., Any])
_MISSED = click.Choice([one.value for one in MisfirePolicy])


def _timing(command: F) -> F:
    options = (
        click.option("--zone", help="The time zone of the rule; by default the installation's."),
        click.option("--missed", type=_MISSED, help="What to do with times that no clock saw; by default once."),
        click.option("--one-at-a-time/--any-number", default=None, help="Whether to wait for the job before."),
        click.option("--queue", metavar="NAME|none", help="Where its jobs wait; none is the type's."),
        click.option("--priority", type=PRIORITY, help="Higher goes first; by default the type's."),
        click.option("--payload", type=PAYLOAD, help="The payload of its jobs, in JSON."),
        in_json,
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("name")
@click.argument("type_name", metavar="TYPE")
@click.option("--rule", required=True, help="Minute, hour, day of the month, month, day of the week: '0 2 * * 1-5'.")
@click.option("--as", "person", metavar="NAME", help="Whose jobs they are; by default the system's.")
@click.option("--private", is_flag=True, help="Jobs of the system are not shown to everyone.")
@_timing
def add(
    name: str,
    type_name: str,
    person: str | None,
    payload: dict[str, Any] | None,
    *,
    private: bool,
    in_json: bool,
    **chosen: Any,
) -> None:
    """Add a schedule that starts jobs of a type."""
    given = {key: value for key, value in _chosen(chosen).items() if value is not None}
    owner = owner_of(person, type_name, public=not private)
    draft = ScheduleDraft(**{"name": name, "zone": services().settings.timezone, **given, "owner": owner})
    schedule_id = uuid7()
    with audited(AuditAction.SCHEDULE_ADD, AuditTarget.SCHEDULE, schedule_id, name=name, after=draft.to_dict()):
        made = services().schedules.add(type_name, payload or {}, draft, schedule_id=schedule_id)
    print_schedule(made, in_json=in_json)


@click.command()
@click.argument("one", metavar="NAME", type=SCHEDULE)
@click.option("--name", help="Its new name.")
@click.option("--rule", help="Its new rule.")
@_timing
def edit(one: Schedule, payload: dict[str, Any] | None, *, in_json: bool, **chosen: Any) -> None:
    """Change a schedule. Options that are not given, and the job type, stay as they are."""
    given = {key: value for key, value in _chosen(chosen).items() if chosen[key] is not None}
    before, after = ScheduleDraft.from_schedule(one), replace(ScheduleDraft.from_schedule(one), **given)
    states = {"before": before.to_dict(), "after": after.to_dict()}
    with audited(AuditAction.SCHEDULE_CHANGE, AuditTarget.SCHEDULE, one.id, name=one.name, **states):
        changed = services().schedules.change(one, after, payload=payload)
    print_schedule(changed, in_json=in_json)


def _chosen(chosen: dict[str, Any]) -> dict[str, Any]:
    return {**chosen, "queue": None if chosen["queue"] == "none" else chosen["queue"]}
