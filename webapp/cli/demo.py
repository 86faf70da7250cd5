"""demo: a seeded demonstration."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import click

from webapp.cli import context
from webapp.cli.command_group import Failed
from webapp.cli.context import services
from webapp.demo.people import PEOPLE
from webapp.demo.seed import FEW, MANY, NotEmpty, seed
from webapp.processes.bootstrap import migrate


@click.command()
@click.option("--seed", "number", default=1, show_default=True, help="Another number gives another month.")
@click.option("--small", is_flag=True, help="A few jobs instead of some thousand.")
@click.option("--on-top", is_flag=True, help="Also where there are jobs already.")
def demo(*, number: int, small: bool, on_top: bool) -> None:
    """Fill an empty installation with sample data: users, jobs, files, history."""
    migrate(context.app())
    given = services().settings.admin_password
    password = given.get_secret_value() if given else secrets.token_urlsafe(15)
    newcomers = [person for person in PEOPLE if services().accounts.by_name(person.name) is None]
    try:
        with _silent_wake_ups():
            seed(services(), password=password, number=number, count=FEW if small else MANY, on_top=on_top)
    except NotEmpty as error:
        raise Failed(f"{error} Set DESKJOB_DATA_DIR to an empty folder, or say --on-top.") from None
    for person in newcomers:
        click.echo(f"{person.name:<8} {person.role:<9} {person.full_name}")
    if newcomers:
        named = "of DESKJOB_ADMIN_PASSWORD" if given else f"{password} (it is shown only now)"
        click.echo(f"Each signs in with the password {named}")
    click.echo("The demonstration is ready. Run ./deskjob up, if it does not run yet.")


@contextmanager
def _silent_wake_ups() -> Iterator[None]:
    """Redis may be away before `up`: the clock announces the jobs later, so nobody need read of it."""
    log = logging.getLogger("webapp.jobs.rq_queue.wake_ups")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)
