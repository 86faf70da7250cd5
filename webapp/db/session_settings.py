"""The settings of PostgreSQL on which Deskjob relies in each session: limits for statements and locks, and UTC.

A connection asks for them when it is opened. A pooler such as PgBouncer does not pass that on, and in its transaction
mode each transaction can get another connection to the server. Then they must be settings of the database role, which
the server applies to each of its connections.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from sqlalchemy import Connection, text

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        # a heartbeat that hangs longer than its lease would get a healthy job killed, and the locks of a frozen
        # process must be released before its lease ends
        "statement_timeout": "15s",
        "lock_timeout": "4s",
        "idle_in_transaction_session_timeout": "10s",
        "timezone": "UTC",
        # with the default for spinning disks, scans of a wrong index in table order look cheaper
        "random_page_cost": "1.1",
    }
)


def startup_options() -> str:
    """Return the option of a connection that asks for the settings."""
    return " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())


def differing_settings(connection: Connection) -> Sequence[str]:
    """Return the names of the settings that the server does not apply to this connection."""
    columns = ", ".join(f"current_setting('{name}')" for name in SETTINGS)
    found = connection.execute(text(f"SELECT {columns}")).one()
    return [name for name, value in zip(SETTINGS, found, strict=True) if value != SETTINGS[name]]


def role_statements(role: str, database: str) -> str:
    """Return the SQL that gives a role the settings in one database; the role itself may execute it."""
    whom = f'ALTER ROLE "{role}" IN DATABASE "{database}"'
    return " ".join(f"{whom} SET {name} = '{value}';" for name, value in SETTINGS.items())


def problem(connection: Connection, *, pooled: bool) -> str:
    """Return what is wrong with the settings of a connection, and what to do; empty if nothing is."""
    if not (differing := differing_settings(connection)):
        return ""
    if not pooled:
        return (
            f"The server ignores what Deskjob sets for its connections ({', '.join(differing)}). "
            "If a pooler such as PgBouncer is in between, set DESKJOB_DATABASE_POOLED=true."
        )
    role, database = connection.execute(text("SELECT current_user, current_database()")).one()
    return (
        f"Behind a pooler, Deskjob needs settings of the database role ({', '.join(differing)}). "
        f"Execute this as the role, and then RECONNECT in the pooler: {role_statements(role, database)}"
    )
