"""db: the tables."""

import sys

import click
from flask_migrate import check as compare

from webapp.commands.current import app
from webapp.processes.setup import migrate


@click.group()
def db() -> None:
    """Migrate the database."""


@db.command()
def upgrade() -> None:
    """Bring the tables up to date."""
    migrate(app())
    click.echo("The tables are up to date.")


@db.command()
def check() -> None:
    """Tell whether the tables are those that the code expects; exit status 1 if not."""
    with app().app_context():
        try:
            compare()
        except SystemExit:
            sys.exit(1)
