"""db upgrade and db check."""

import sys

import click

from webapp.cli.context import services


@click.command()
def upgrade() -> None:
    """Migrate the database to the newest revision."""
    from webapp.processes.bootstrap import migrate

    migrate(services())
    click.echo("The database is up to date.")


@click.command()
def check() -> None:
    """Check that the tables match the code. Exit status 1 if they do not."""
    from webapp.db.revision import matches_schema
    from webapp.processes.preflight import quiet_alembic, require_tables

    require_tables(services())
    quiet_alembic()
    if not matches_schema(services().engine):
        click.echo("The tables do not match the code: a migration is missing.", err=True)
        sys.exit(1)
    click.echo("The tables match the code.")
