"""db: the tables."""

import sys
from contextlib import redirect_stdout
from io import StringIO

import click
from flask_migrate import check as compare

from webapp.cli.context import app, services
from webapp.processes.bootstrap import migrate
from webapp.processes.preflight import require_tables


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
    require_tables(services())
    with app().app_context(), redirect_stdout(StringIO()):
        try:
            compare()
        except SystemExit:
            click.echo("The tables are not those that the code expects: a migration is missing.", err=True)
            sys.exit(1)
    click.echo("The tables are those that the code expects.")
