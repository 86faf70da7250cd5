"""worker list and worker stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import audited
from webapp.cli.command_group import BadUsage, loaded
from webapp.cli.context import services
from webapp.cli.output import as_dict, as_json, readable
from webapp.cli.parameters import in_json
from webapp.jobs.model.job import short_id
from webapp.version import version

if TYPE_CHECKING:
    from webapp.jobs.monitoring.workers import Worker

_JSON_KEYS = {"stop_request": "wish", "stop_requested_by": "wished_by", "has_row": "known"}  # scripts read these


@click.command("list")
@in_json
def show_all(*, in_json: bool) -> None:
    """List the workers of every machine."""
    workers = _all()
    if in_json:
        click.echo(as_json([_facts(worker) for worker in workers]))
    for worker in () if in_json else workers:
        click.echo(_line(worker))
    if not workers:
        click.echo("No workers. Start some with `deskjob worker`.", err=True)


@click.command()
@click.argument("name")
@click.option("--now", is_flag=True, help="Stop now and hand the current job back, instead of waiting until it ends.")
@in_json
def stop(name: str, *, now: bool, in_json: bool) -> None:
    """Stop a worker after its current job. Its pool then starts a new worker."""
    worker = _find(name)
    action = AuditAction.WORKER_STOP if now else AuditAction.WORKER_DRAIN
    place = f"{worker.host}, {worker.pid}"
    with audited(action, AuditTarget.WORKER, worker.name, name=place, before={"state": worker.state}):
        services().workers.stop(worker.name, "now" if now else "drain")
    if in_json:
        click.echo(as_json(_facts(_find(worker.name))))
    else:
        click.echo(
            readable(
                f"Worker {worker.name[:8]} on {worker.host} will stop {'now' if now else 'after its current job'}."
            )
        )


def _find(name: str) -> Worker:
    """Return the worker whose name begins with ``name``."""
    workers = [worker for worker in services().workers.in_database() if worker.has_row and worker.name.startswith(name)]
    if len(workers) != 1:
        message = f"{'No worker has' if not workers else 'Several workers have'} a name that starts with {name!r}."
        raise BadUsage(f"{message} See `deskjob worker list`.")
    return workers[0]


def _all() -> tuple[Worker, ...]:
    try:
        return services().workers.all()
    except loaded("redis", "RedisError") as error:
        click.echo(f"Redis cannot be reached ({error}), so idle workers are not listed.", err=True)
        return services().workers.in_database()


def _facts(worker: Worker) -> dict[str, object]:
    return {_JSON_KEYS.get(name, name): value for name, value in as_dict(worker).items()}


def _line(worker: Worker) -> str:
    activity = f"running {short_id(worker.job_id)} ({worker.job_type})" if worker.job_id else worker.state
    heartbeat = (
        "no heartbeat" if worker.silent_for is None else f"heartbeat {worker.silent_for.total_seconds():.0f} s ago"
    )
    where = f"{worker.host:<24} {worker.pid or '?':>8}  {worker.name[:8]:<8}"
    other = "" if worker.version in {"", version()} else f"  different version: {worker.version}"
    return readable(f"{where}  {activity:<36} {heartbeat:<20} {', '.join(worker.queues)}{other}")
