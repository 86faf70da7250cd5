"""What can be done with a schedule: pause, resume, run now, remove."""

import click

from webapp.commands.current import services
from webapp.commands.printing import as_json
from webapp.commands.schedules.one import SCHEDULE, print_schedule
from webapp.commands.values import in_json
from webapp.jobs.schedules.schedule import Schedule

_one = click.argument("one", metavar="NAME", type=SCHEDULE)


@click.command()
@_one
@click.option("--reason", default="", help="Why; people read it.")
@in_json
def pause(one: Schedule, reason: str, *, in_json: bool) -> None:
    """Let a schedule start nothing until it is resumed; what runs goes on."""
    print_schedule(services().schedules.pause(one, why=reason), in_json=in_json)


@click.command()
@_one
@in_json
def resume(one: Schedule, *, in_json: bool) -> None:
    """Let it start jobs again, from now on; what passed meanwhile is not caught up."""
    print_schedule(services().schedules.resume(one), in_json=in_json)


@click.command("run-now")
@_one
@in_json
def run_now(one: Schedule, *, in_json: bool) -> None:
    """Start a job of a schedule at once, and print its id; its times stay as they are."""
    made = services().firing.run_now(one)
    click.echo(as_json(made.to_dict()) if in_json else str(made.id))


@click.command()
@_one
@in_json
def remove(one: Schedule, *, in_json: bool) -> None:
    """Remove a schedule for good; the jobs that it has started stay."""
    services().schedules.remove(one.id)
    click.echo(as_json({"removed": one.id}) if in_json else f"{one.name} was removed.")
