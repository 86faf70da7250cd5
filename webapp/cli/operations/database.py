"""db upgrade and db check."""

import sys
from contextlib import redirect_stdout
from io import StringIO

import click

from webapp.cli.context import app, services


@click.command()
def upgrade() -> None:
    """Migrate the database to the newest revision."""
    from webapp.processes.bootstrap import migrate

    migrate(services())
    click.echo("The database is up to date.")


@click.command()
def check() -> None:
    """Check that the tables match the code. Exit status 1 if they do not."""
    from flask_migrate import check as compare

    from webapp.processes.preflight import require_tables

    require_tables(services())
    with app().app_context(), redirect_stdout(StringIO()):
        try:
            compare()
        except SystemExit:
            click.echo("The tables do not match the code: a migration is missing.", err=True)
            sys.exit(1)
    click.echo("The tables match the code.")
