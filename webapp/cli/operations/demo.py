"""demo: fill an installation with sample data."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import click

from webapp.cli.command_group import Failed
from webapp.cli.context import services


@click.command()
@click.option("--seed", "number", default=1, show_default=True, help="Seed of the random data.")
@click.option("--small", is_flag=True, help="A few jobs instead of thousands.")
@click.option("--on-top", is_flag=True, help="Add the data even if there are jobs already.")
def demo(*, number: int, small: bool, on_top: bool) -> None:
    """Fill an empty installation with sample data: users, jobs, files, history."""
    from webapp.demo.people import DEMO_USERS
    from webapp.demo.seed import FEW, MANY, NotEmpty, seed
    from webapp.processes.bootstrap import migrate

    migrate(services())
    configured = services().settings.admin_password
    password = configured.get_secret_value() if configured else secrets.token_urlsafe(15)
    added = [person for person in DEMO_USERS if services().accounts.by_name(person.name) is None]
    mark = services().settings.demo_mark  # with it, the job types of the demonstration are installed too
    was_marked = mark.exists()
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    try:
        with _silent_wake_ups():
            seed(services(), password=password, number=number, count=FEW if small else MANY, on_top=on_top)
    except NotEmpty as error:
        if not was_marked:
            mark.unlink()
        raise Failed(f"{error} Set DESKJOB_DATA_DIR to an empty folder, or use --on-top.") from None
    for person in added:
        click.echo(f"{person.name:<8} {person.role:<9} {person.full_name}")
    if added:
        description = "that of DESKJOB_ADMIN_PASSWORD" if configured else f"{password} (shown only once)"
        click.echo(f"Their password is {description}")
    click.echo("The sample data is ready, with job types of its own. Start Deskjob with ./deskjob up, or restart it.")


@contextmanager
def _silent_wake_ups() -> Iterator[None]:
    """Log no warning if Redis is not running yet; the clock sends the wake-ups later."""
    log = logging.getLogger("webapp.jobs.rq_queue.wake_ups")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)
