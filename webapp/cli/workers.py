"""worker list, worker stop: who works, on what, and when it was heard of last; and its end."""

from dataclasses import asdict

import click
from redis import RedisError

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import audited
from webapp.cli.command_group import BadUsage
from webapp.cli.context import services
from webapp.cli.output import as_json, readable
from webapp.cli.parameters import in_json
from webapp.jobs.execution.worker_heartbeat import StopRequest
from webapp.jobs.model.job import short_id
from webapp.jobs.monitoring.workers import Worker
from webapp.version import version


@click.command("list")
@in_json
def show_all(*, in_json: bool) -> None:
    """List the workers of every machine."""
    found = _all()
    if in_json:
        click.echo(as_json([asdict(one) for one in found]))
    for one in () if in_json else found:
        click.echo(_line(one))
    if not found:
        click.echo("No worker is there. `deskjob worker` runs some.", err=True)


@click.command()
@click.argument("name")
@click.option("--now", is_flag=True, help="Hand its job back at once, instead of waiting for the job's end.")
@in_json
def stop(name: str, *, now: bool, in_json: bool) -> None:
    """Stop a worker after its current job. Its pool then starts a new one."""
    one = _one(name)
    wish, action = (StopRequest.NOW, AuditAction.WORKER_STOP) if now else (StopRequest.DRAIN, AuditAction.WORKER_DRAIN)
    with audited(action, AuditTarget.WORKER, one.name, name=f"{one.host}, {one.pid}", before={"state": one.state}):
        services().workers.stop(one.name, wish)
    if in_json:
        click.echo(as_json(asdict(_one(one.name))))
    else:
        click.echo(readable(f"Worker {one.name[:8]} on {one.host} was asked to stop{' now' if now else ''}."))


def _one(name: str) -> Worker:
    """Find a worker by its name or the name's beginning."""
    found = [one for one in services().workers.in_database() if one.has_row and one.name.startswith(name)]
    if len(found) != 1:
        message = f"{'No worker has' if not found else 'Several workers have'} a name that begins with {name!r}."
        raise BadUsage(f"{message} See `deskjob worker list`.")
    return found[0]


def _all() -> tuple[Worker, ...]:
    try:
        return services().workers.all()
    except RedisError as error:
        click.echo(f"Redis cannot be reached ({error}), so idle workers are not listed.", err=True)
        return services().workers.in_database()


def _line(one: Worker) -> str:
    does = f"runs {short_id(one.job_id)} ({one.job_type})" if one.job_id else one.state
    heard = "never heard of" if one.silent_for is None else f"heard of {one.silent_for.total_seconds():.0f} s ago"
    where = f"{one.host:<24} {one.pid or '?':>8}  {one.name[:8]:<8}"
    other = "" if one.version in {"", version()} else f"  another version: {one.version}"
    return readable(f"{where}  {does:<36} {heard:<20} {', '.join(one.queues)}{other}")
