"""schedule list and show."""

import click

from webapp.cli.context import services
from webapp.cli.output import as_json, readable
from webapp.cli.parameters import in_json
from webapp.cli.schedules.output import SCHEDULE, coming, described, line, local
from webapp.jobs.schedules.schedule import Schedule, ScheduleRun


@click.command("list")
@in_json
def show_all(*, in_json: bool) -> None:
    """List the schedules by name."""
    schedules = services().schedules.all()
    click.echo(as_json(list(map(described, schedules))) if in_json else "\n".join(map(line, schedules)))


@click.command()
@click.argument("schedule", metavar="NAME", type=SCHEDULE)
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=10, show_default=True, help="Maximum number of past runs."
)
@in_json
def show(schedule: Schedule, limit: int, *, in_json: bool) -> None:
    """Show a schedule, its next times and its last runs."""
    runs = services().run_history.of_schedule(schedule.id, limit)
    if in_json:
        click.echo(as_json({**described(schedule), "next": coming(schedule), "runs": list(map(_described, runs))}))
        return
    lines = [line(schedule), schedule.rule.describe()]
    lines += [f"  next  {local(schedule, at)}" for at in coming(schedule)]
    lines += [f"  {run.outcome:<8} {local(schedule, run.fire_at)}  {_result(run)}" for run in runs]
    click.echo(readable("\n".join(lines)))


def _described(run: ScheduleRun) -> dict[str, object]:
    names = ("fire_at", "fired_at", "outcome", "job_id", "status", "asked_by", "detail")
    return {name: getattr(run, name) for name in names}


def _result(run: ScheduleRun) -> str:
    return f"{run.status or 'deleted'} {run.job_id}" if run.job_id else run.detail
