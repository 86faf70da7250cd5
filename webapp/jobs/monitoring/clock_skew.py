"""How far the clock of this process is from that of the database, whose times are stored."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from webapp.schema import database_time

# What users and the programs of others notice; below it, a request takes longer
LARGE_SKEW = timedelta(seconds=30)


def measure_skew(connection: Connection) -> timedelta:
    """Return how far this process is ahead of the database; negative if it is behind.

    With SQLite both read the clock of this machine.
    """
    before = datetime.now(UTC)
    theirs = database_time(connection)
    return before + (datetime.now(UTC) - before) / 2 - theirs
