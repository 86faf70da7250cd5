"""db: the tables."""

import sys
from contextlib import redirect_stdout
from io import StringIO

import click
from flask_migrate import check as compare

from webapp.cli.context import app, services
from webapp.processes.bootstrap import migrate
from webapp.processes.preflight import require_tables


@click.command()
def upgrade() -> None:
    """Migrate the database to the newest revision."""
    migrate(app())
    click.echo("The tables are up to date.")


@click.command()
def check() -> None:
    """Check that the tables match the code. Exit status 1 if they do not."""
    require_tables(services())
    with app().app_context(), redirect_stdout(StringIO()):
        try:
            compare()
        except SystemExit:
            click.echo("The tables are not those that the code expects: a migration is missing.", err=True)
            sys.exit(1)
    click.echo("The tables are those that the code expects.")
