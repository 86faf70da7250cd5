"""What must be there before anything runs: the data folder, the tables, the first admin.

Migrating while everything runs: one at a time, never waiting long for a lock that others stand behind.

A statement that waits for a table's lock makes all that come later wait too; so it gives up after
`env.py`'s lock_timeout, the whole upgrade is undone, and is tried again a moment later.
"""

import fcntl
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from webapp.accounts.user import Role
from webapp.config import BadSettingError, Unready
from webapp.db.engine import is_sqlite, reading
from webapp.processes.preflight import quiet_alembic
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


log = logging.getLogger(__name__)
_LOCK = 7_164_002  # any number, but the same in every process
_TRIES, _PAUSE_SECONDS = 30, 2.0
_LOCKED_OUT = frozenset({"55P03", "40P01"})  # lock_not_available, deadlock_detected


@contextmanager
def alone(engine: Engine, folder: Path) -> Iterator[None]:
    """Wait until nobody else migrates this database, and keep others waiting."""
    if is_sqlite(engine):
        with (folder / "migrate.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    with reading(engine) as connection:
        while not connection.execute(text(f"SELECT pg_try_advisory_lock({_LOCK})")).scalar_one():
            time.sleep(0.2)
        yield
        connection.execute(text(f"SELECT pg_advisory_unlock({_LOCK})"))


def persistently(upgrade: Callable[[], None]) -> None:
    """Upgrade; once more, a moment later, whenever somebody held a lock for too long."""
    for _ in range(_TRIES - 1):
        try:
            upgrade()
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in _LOCKED_OUT:
                raise
            log.warning("A table was in use for too long; the upgrade was undone and is tried again.")
            time.sleep(_PAUSE_SECONDS)
        else:
            return
    upgrade()
