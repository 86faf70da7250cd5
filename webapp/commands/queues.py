"""queue: pause, resume and limit the lines in which jobs wait."""

from dataclasses import asdict

import click

from webapp.accounts.audit import Action, Kind
from webapp.commands.auditing import audited
from webapp.commands.current import services
from webapp.commands.printing import as_json, readable
from webapp.commands.refusing import Commands
from webapp.commands.values import LIMIT, in_json
from webapp.jobs.queues import Load, Queue

_REASON_LIMIT = 200


@click.group(cls=Commands)
def queue() -> None:
    """Pause, resume and limit queues."""


@queue.command("list")
@in_json
def show_all(*, in_json: bool) -> None:
    """List the queues, and how much waits and runs in each."""
    _show(services().queues.all(), in_json=in_json)


@queue.command()
@click.argument("name")
@in_json
def add(name: str, *, in_json: bool) -> None:
    """Make a queue that no job type names: jobs can be sent there, and workers listen to it."""
    try:
        with audited(Action.QUEUE_ADD, Kind.QUEUE, name):
            made = services().queues.add(name)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    _show((made,), in_json=in_json)


@queue.command()
@click.argument("name")
@click.option("--reason", default="", help="Why; people read it.")
@in_json
def pause(name: str, reason: str, *, in_json: bool) -> None:
    """Take no more jobs from a queue; what runs goes on."""
    if len(reason) > _REASON_LIMIT:
        raise click.UsageError(f"--reason takes at most {_REASON_LIMIT} characters")
    with audited(Action.QUEUE_PAUSE, Kind.QUEUE, name, after={"reason": reason}):
        paused = services().queues.pause(name, reason=reason)
    _show((paused,), in_json=in_json)


@queue.command()
@click.argument("name")
@in_json
def resume(name: str, *, in_json: bool) -> None:
    """Take jobs from a queue again."""
    with audited(Action.QUEUE_RESUME, Kind.QUEUE, name):
        resumed = services().queues.resume(name)
    services().wake_ups.push(name)
    _show((resumed,), in_json=in_json)


@queue.command()
@click.argument("name")
@click.argument("number", metavar="N|none", type=LIMIT)
@in_json
def limit(name: str, number: int | None, *, in_json: bool) -> None:
    """Let at most N of a queue's jobs run at once; none lifts the limit."""
    before = services().queues.get(name).max_running
    with audited(Action.QUEUE_LIMIT, Kind.QUEUE, name, before={"limit": before}, after={"limit": number}):
        limited = services().queues.limit(name, number)
    services().wake_ups.push(name)
    _show((limited,), in_json=in_json)


def _show(found: tuple[Queue, ...], *, in_json: bool) -> None:
    loads = services().queues.loads()
    if in_json:
        click.echo(as_json([{**asdict(one), **asdict(loads.get(one.name, Load()))} for one in found]))
    for one in () if in_json else found:
        click.echo(_line(one, loads.get(one.name, Load())))


def _line(one: Queue, load: Load) -> str:
    most = "" if one.max_running is None else f", at most {one.max_running} at once"
    paused = f", paused{f': {one.reason}' if one.reason else ''}" if one.paused_at else ""
    return readable(f"{one.name:<24} {load.waiting:>7,} waiting {load.running:>5,} running{most}{paused}")
