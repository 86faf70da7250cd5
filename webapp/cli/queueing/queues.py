"""queue list, add, pause, resume, limit, empty and remove."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import audited, record
from webapp.cli.context import services
from webapp.cli.output import as_dict, as_json, readable
from webapp.cli.parameters import LIMIT, in_json

if TYPE_CHECKING:
    from datetime import timedelta

    from webapp.jobs.queries.pauses import Pause
    from webapp.jobs.queueing.latency import QueueLatency
    from webapp.jobs.queueing.queues import Queue, QueueLoad

REASON_LIMIT = 200


@click.command("list")
@in_json
def show_all(*, in_json: bool) -> None:
    """List the queues with their waiting and running jobs."""
    if not in_json and (pause := services().global_pause.get()):
        click.echo(pause_in_words(pause), err=True)
    _show(services().queues.all(), in_json=in_json)


@click.command()
@click.argument("name")
@in_json
def add(name: str, *, in_json: bool) -> None:
    """Add a queue that no job type names. Jobs can be sent to it, and workers listen to it."""
    try:
        with audited(AuditAction.QUEUE_ADD, AuditTarget.QUEUE, name):
            queue = services().queues.add(name)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    _show((queue,), in_json=in_json)


@click.command()
@click.argument("name")
@click.option("--reason", default="", help="The reason, which other users see.")
@in_json
def pause(name: str, reason: str, *, in_json: bool) -> None:
    """Pause a queue. Waiting jobs keep waiting; running jobs continue."""
    if len(reason) > REASON_LIMIT:
        raise click.UsageError(f"--reason can have at most {REASON_LIMIT} characters")
    with audited(AuditAction.QUEUE_PAUSE, AuditTarget.QUEUE, name, after={"reason": reason}):
        paused = services().queues.pause(name, reason=reason)
    _show((paused,), in_json=in_json)


@click.command()
@click.argument("name")
@in_json
def resume(name: str, *, in_json: bool) -> None:
    """Resume a paused queue."""
    with audited(AuditAction.QUEUE_RESUME, AuditTarget.QUEUE, name):
        resumed = services().queues.resume(name)
    services().wake_ups.push(name)
    _show((resumed,), in_json=in_json)


@click.command()
@click.argument("name")
@click.argument("number", metavar="N|none", type=LIMIT)
@in_json
def limit(name: str, number: int | None, *, in_json: bool) -> None:
    """Limit how many jobs of a queue run at once. 'none' removes the limit."""
    before = services().queues.get(name).max_running
    with audited(AuditAction.QUEUE_LIMIT, AuditTarget.QUEUE, name, before={"limit": before}, after={"limit": number}):
        limited = services().queues.limit(name, number)
    services().wake_ups.push(name)
    _show((limited,), in_json=in_json)


@click.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@in_json
def empty(name: str, *, yes: bool, in_json: bool) -> None:
    """Stop every waiting job of a queue. Running jobs continue."""
    queues = services().queues
    waiting = queues.get(name) and queues.count_queued(name)
    if not yes:
        click.confirm(f"Stop all {waiting:,} waiting jobs of {name}?", abort=True, err=True)
    stopped = queues.empty(name, services().jobs.cancel_many)
    record(AuditAction.QUEUE_EMPTY, AuditTarget.QUEUE, name, before={"waiting": waiting}, after={"stopped": stopped})
    click.echo(f"{stopped:,} jobs stopped.", err=True)
    _show((queues.get(name),), in_json=in_json)


@click.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove a queue that no job type, no schedule and no unfinished job uses."""
    with audited(AuditAction.QUEUE_REMOVE, AuditTarget.QUEUE, name):
        services().queues.remove(name)
    click.echo(f"The queue {name} was removed.", err=True)


def pause_in_words(pause: Pause) -> str:
    """Return the pause of everything as a sentence."""
    reason = f": {pause.reason.rstrip('.')}" if pause.reason else ""
    return readable(f"Everything has been paused since {pause.since:%Y-%m-%d %H:%M:%S} UTC{reason}.")


def _show(queues: tuple[Queue, ...], *, in_json: bool) -> None:
    figures = services().queues
    loads, oldest, latencies = figures.loads(), figures.oldest_waits(), figures.latencies()
    if in_json:
        shown = (
            {
                **as_dict(queue),
                **_load(loads.get(queue.name)),
                "oldest_wait": oldest.get(queue.name),
                **_latency(latencies.get(queue.name)),
            }
            for queue in queues
        )
        click.echo(as_json(list(shown)))
    for queue in () if in_json else queues:
        click.echo(_line(queue, _load(loads.get(queue.name)), oldest.get(queue.name)))


def _load(load: QueueLoad | None) -> dict[str, int]:
    return {"waiting": load.waiting if load else 0, "running": load.running if load else 0}


def _latency(wait: QueueLatency | None) -> dict[str, object]:
    return {"wait_p95": wait and wait.p95, "wait_samples": wait.samples if wait else 0}


def _line(queue: Queue, load: dict[str, int], oldest: timedelta | None) -> str:
    most = "" if queue.max_running is None else f", at most {queue.max_running} at once"
    paused = f", paused{f': {queue.reason}' if queue.reason else ''}" if queue.paused_at else ""
    waits = "" if oldest is None else f", oldest {oldest.total_seconds():,.0f} s"
    counts = f"{load['waiting']:>7,} waiting {load['running']:>5,} running"
    return readable(f"{queue.name:<24} {counts}{waits}{most}{paused}")
