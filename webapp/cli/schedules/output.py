"""A schedule on a command line: by its name or id, in words and in JSON."""

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
    """A schedule by its name or its id."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Schedule:  # noqa: ARG002
        """Find it."""
        schedules = services().schedules
        if isinstance(value, Schedule):
            return value
        try:
            return schedules.get(UUID(value))
        except ValueError:
            return schedules.get_by_name(value)


SCHEDULE = _ByName()


def print_schedule(one: Schedule, *, in_json: bool) -> None:
    """Print what was made or changed."""
    click.echo(as_json(described(one)) if in_json else line(one))


def line(one: Schedule) -> str:
    """Return one line: what starts, when, and when next."""
    state = f"next {local(one, one.next_fire_at)}" if one.next_fire_at else "never again"
    if one.is_paused:
        state = f"paused{f': {one.paused_why}' if one.paused_why else ''}"
    return readable(f"{one.name:<24} {one.type:<20} {one.rule.text:<16} {one.rule.zone:<16} {state}")


def described(one: Schedule) -> dict[str, Any]:
    """Return all of it by name; its payload is as it is stored."""
    plain = ("id", "name", "type", "payload", "missed", "one_at_a_time", "queue", "priority", "next_fire_at")
    changes = ("paused_at", "paused_by", "paused_why", "created_at", "created_by", "changed_at", "changed_by")
    return {
        **{name: getattr(one, name) for name in plain},
        "rule": one.rule.text,
        "zone": one.rule.zone,
        "owner": one.owner.user_id,
        "public": one.owner.public,
        **{name: getattr(one, name) for name in changes},
    }


def coming(one: Schedule) -> tuple[datetime, ...]:
    """Return the next times at which it fires, none while it is paused."""
    try:
        return () if one.is_paused else one.rule.next(services().queries.jobs.now(), COMING)
    except UnknownTimeZone:
        return ()


def local(one: Schedule, at: datetime) -> str:
    """Return a moment on the clock of its zone, with the offset that then holds."""
    try:
        return at.astimezone(ZoneInfo(one.rule.zone)).isoformat(" ", "seconds")
    except KeyError:  # the zone has vanished
        return at.isoformat(" ", "seconds")
