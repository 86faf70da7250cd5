"""What must be there before anything runs: the data folder, the tables, the first admin."""

import secrets
from pathlib import Path

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from webapp.accounts.user import Role
from webapp.config import BadSettingError
from webapp.database import is_sqlite
from webapp.processes.migrating import alone, persistently
from webapp.processes.required import Unready, quiet_alembic
from webapp.services import Services

ADMIN = "admin"


def migrate(app: Flask) -> None:
    """Bring the database's tables up to date; a database that cannot be used is `Unready`."""
    services: Services = app.extensions["deskjob"]
    _make_folder(services.settings.data_dir)
    quiet_alembic()
    try:
        _check(services)
        with app.app_context(), alone(services.engine, services.settings.data_dir):
            persistently(upgrade)
    except DBAPIError as error:
        raise Unready(_sentence(services, " ".join(str(error.orig).split()))) from None
    finally:
        services.engine.dispose()


def first_admin(services: Services) -> str | None:
    """Make the admin if there is nobody yet; return the password, unless one was given."""
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
    if is_sqlite(services.engine):
        advice = "Restore it from a backup, move it away to start afresh, or set DESKJOB_DATABASE_URL."
    else:
        advice = "Start it, or correct DESKJOB_DATABASE_URL."
    return f"The database {place} cannot be used: {' '.join(reason.split()).strip('*.? ')}. {advice}"
