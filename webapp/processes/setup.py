"""What must be there before anything runs: the data folder, the tables, the first admin."""

import logging
import secrets
from pathlib import Path

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from webapp.accounts.user import Role
from webapp.config import BadSettingError
from webapp.database import is_sqlite
from webapp.services import Services

ADMIN = "admin"


class Unready(Exception):
    """Deskjob starts whole or not at all; the message says what to do."""


def migrate(app: Flask) -> None:
    """Bring the database's tables up to date; a database that cannot be used is `Unready`."""
    services: Services = app.extensions["deskjob"]
    _make_folder(services.settings.data_dir)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        _check(services)
        with app.app_context():
            upgrade()
    except DBAPIError as error:
        raise Unready(_sentence(services, " ".join(str(error.orig).split()))) from None
    finally:
        services.engine.dispose()


def require_tables(services: Services) -> None:
    """Refuse to work on a database that nobody has migrated yet."""
    if not inspect(services.engine).has_table("jobs"):
        message = "The database has no tables yet. Run ./deskjob db upgrade first."
        raise Unready(message)
    services.engine.dispose()


def first_admin(services: Services) -> str | None:
    """Make the admin if there is nobody yet; return the one-time password, unless one was given."""
    if not services.accounts.is_empty():
        return None
    given = services.settings.admin_password
    password = given.get_secret_value() if given else secrets.token_urlsafe(15)
    services.accounts.add(ADMIN, password, role=Role.ADMIN, full_name="Administrator")
    return None if given else password


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"DESKJOB_DATA_DIR cannot be used ({str(folder)!r}): {error.strerror}."
        raise BadSettingError(message) from None


def _check(services: Services) -> None:
    with services.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        if is_sqlite(services.engine):
            verdict = connection.execute(text("PRAGMA quick_check(1)")).scalar()
            if verdict != "ok":
                raise Unready(_sentence(services, str(verdict)))


def _sentence(services: Services, reason: str) -> str:
    place = services.engine.url.render_as_string(hide_password=True)
    return (
        f"The database {place} cannot be used: {reason.rstrip('.?')}. "
        "Restore it from a backup, move it away to start afresh, or set DESKJOB_DATABASE_URL."
    )
