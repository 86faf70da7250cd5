"""job events, steps, attempts and compare."""

import json
from typing import Any

import click

from webapp.cli.context import is_remote, services
from webapp.cli.output import as_json, readable
from webapp.cli.parameters import JOB, in_json, remote_services
from webapp.jobs.model.job import Job

_EVENT = ("at", "name", "attempt", "actor_id", "detail")
_COMPARED = ("part", "name", "first", "second", "differs")
_STEP = ("name", "attempt", "started_at", "finished_at", "result")
_ATTEMPT = (
    *("number", "outcome", "started_at", "finished_at", "error", "worker", "host", "pid"),
    *("traceback", "peak_memory", "cpu_seconds"),
)


@click.command()
@click.argument("job", metavar="ID", type=JOB)
@in_json
def events(job: Job, *, in_json: bool) -> None:
    """List what happened to a job. The oldest event comes first."""
    found = services().queries.jobs.timeline(job.id)
    if in_json:
        click.echo(as_json([{name: getattr(event, name) for name in _EVENT} for event in found]))
    for event in () if in_json else found:
        click.echo(readable(f"{event.at:%Y-%m-%d %H:%M:%S}  {event.name:<16} {event.detail}".rstrip()))


@click.command()
@click.argument("job", metavar="ID", type=JOB)
@in_json
def steps(job: Job, *, in_json: bool) -> None:
    """List the ended steps of a job. The oldest comes first."""
    found = services().queries.steps.of(job.id)
    if in_json:
        click.echo(as_json([{name: getattr(step, name) for name in _STEP} for step in found]))
    for step in () if in_json else found:
        seconds = (step.finished_at - step.started_at).total_seconds()
        result = json.dumps(step.result, ensure_ascii=False)
        click.echo(readable(f"{step.finished_at:%Y-%m-%d %H:%M:%S}  {seconds:>8.1f} s  {step.name:<24} {result}"))


@click.command()
@click.argument("job", metavar="ID", type=JOB)
@in_json
def attempts(job: Job, *, in_json: bool) -> None:
    """List the ended attempts of a job. The oldest comes first."""
    found = services().queries.jobs.attempts(job.id)
    if in_json:
        click.echo(as_json([{name: getattr(attempt, name) for name in _ATTEMPT} for attempt in found]))
    for attempt in () if in_json else found:
        seconds = (attempt.finished_at - attempt.started_at).total_seconds()
        where = f"{attempt.host}, {attempt.pid}" if attempt.host else ""
        line = f"{attempt.number:>3}  {attempt.outcome:<12} {seconds:>8.1f} s  {where:<24} {attempt.error or ''}"
        click.echo(readable(line.rstrip()))


@click.command()
@click.argument("job", metavar="ID", type=JOB)
@click.argument("other", metavar="ID", type=JOB)
@click.option("--all", "with_equal", is_flag=True, help="Print equal values too.")
@in_json
def compare(job: Job, other: Job, *, with_equal: bool, in_json: bool) -> None:
    """Compare two jobs. Prints the values in which they differ."""
    found = [value for value in _compared(job, other) if with_equal or value.differs]
    if in_json:
        click.echo(as_json([{name: getattr(value, name) for name in _COMPARED} for value in found]))
    for value in () if in_json else found:
        first, second = (json.dumps(each, ensure_ascii=False) for each in (value.first, value.second))
        click.echo(readable(f"{value.part:<7} {value.name:<24} {first}  {second}"))


def _compared(job: Job, other: Job) -> Any:
    if is_remote():
        return remote_services().queries.jobs.compare(job.id, other.id)
    from webapp.jobs.run_comparison import compare_runs

    return compare_runs(services().queries, job, other)
