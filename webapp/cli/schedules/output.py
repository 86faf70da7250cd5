"""Find a schedule by name or ID, and print it as a line or as JSON."""

from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import click

from webapp.cli.context import services
from webapp.cli.output import as_json, readable
from webapp.jobs.schedules.cron_rule import UnknownTimeZone
from webapp.jobs.schedules.schedule import Schedule

COMING = 5


class _ByName(click.ParamType[Schedule]):
    """A schedule by its name or its ID."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Schedule:  # noqa: ARG002
        """Return the schedule."""
        schedules = services().schedules
        if isinstance(value, Schedule):
            return value
        try:
            return schedules.get(UUID(value))
        except ValueError:
            return schedules.get_by_name(value)


SCHEDULE = _ByName()


def print_schedule(schedule: Schedule, *, in_json: bool) -> None:
    """Print a schedule."""
    click.echo(as_json(described(schedule)) if in_json else line(schedule))


def line(schedule: Schedule) -> str:
    """Return name, job type, rule, time zone and next run as one line."""
    state = f"next {local(schedule, schedule.next_fire_at)}" if schedule.next_fire_at else "no further run"
    if schedule.is_paused:
        state = f"paused{f': {schedule.paused_why}' if schedule.paused_why else ''}"
    return readable(
        f"{schedule.name:<24} {schedule.type:<20} {schedule.rule.text:<16} {schedule.rule.zone:<16} {state}"
    )


def described(schedule: Schedule) -> dict[str, Any]:
    """Return the fields of a schedule for JSON; secrets in its payload stay encrypted."""
    plain = ("id", "name", "type", "payload", "missed", "one_at_a_time", "queue", "priority", "tags", "next_fire_at")
    changes = ("paused_at", "paused_by", "paused_why", "created_at", "created_by", "changed_at", "changed_by")
    return {
        **{name: getattr(schedule, name) for name in plain},
        "rule": schedule.rule.text,
        "zone": schedule.rule.zone,
        "owner": schedule.owner.user_id,
        "public": schedule.owner.public,
        **{name: getattr(schedule, name) for name in changes},
    }


def coming(schedule: Schedule) -> tuple[datetime, ...]:
    """Return the next times of the schedule; none while it is paused."""
    try:
        return () if schedule.is_paused else schedule.rule.next(services().queries.jobs.now(), COMING)
    except UnknownTimeZone:
        return ()


def local(schedule: Schedule, at: datetime) -> str:
    """Return a time in the zone of the schedule, with its offset."""
    try:
        return at.astimezone(ZoneInfo(schedule.rule.zone)).isoformat(" ", "seconds")
    except KeyError:  # the time zone does not exist on this machine
        return at.isoformat(" ", "seconds")
