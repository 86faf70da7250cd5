"""worker list: who works, on what, and when it was heard of last."""

from dataclasses import asdict

import click
from redis import RedisError

from webapp.commands.current import services
from webapp.commands.printing import as_json, readable
from webapp.commands.values import in_json
from webapp.jobs.job import short_id
from webapp.jobs.workers import Worker
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


def _all() -> tuple[Worker, ...]:
    try:
        return services().workers.all()
    except RedisError as error:
        click.echo(f"Redis cannot be reached ({error}), so idle workers are not listed.", err=True)
        return services().workers.at_work()


def _line(one: Worker) -> str:
    does = f"runs {short_id(one.job_id)} ({one.job_type})" if one.job_id else one.state
    heard = "never heard of" if one.silent_for is None else f"heard of {one.silent_for.total_seconds():.0f} s ago"
    runs = (
        f"{one.version or 'unknown version'}{'' if one.version == version() else ', not the version of this command'}"
    )
    return readable(f"{one.host:<24} {one.pid or '?':>8}  {does:<36} {heard:<20} {runs}  {', '.join(one.queues)}")
