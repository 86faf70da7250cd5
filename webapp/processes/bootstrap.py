"""Create what an installation needs: the data folder, the tables, the first admin.

Migrations can run while Deskjob is running, one process at a time. A statement that waits for a lock
on a table makes all later statements on that table wait too. So it gives up after the lock_timeout of
`env.py`, its migration is rolled back, and the upgrade continues with it after a pause.
"""

import fcntl
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from webapp.accounts.user import Role
from webapp.accounts.validation import BadAccount
from webapp.config import BadSettingError, Unready
from webapp.db import revision
from webapp.db.engine import forget_inherited_connections, is_sqlite, lift_time_limit, writing
from webapp.db.sqlite_file import create_file
from webapp.jobs.maintenance.month_partitions import divide_by_month, months_of_jobs
from webapp.private_files import make_private_folder, private_opener
from webapp.processes.forked_process import call_in_fork
from webapp.processes.preflight import quiet_alembic, refuse_lost_settings, refuse_newer_tables
from webapp.services import Services

log = logging.getLogger(__name__)
ADMIN = "admin"
_LOCK = 7_164_002  # an arbitrary number, the same in every process
_TRY_LOCK = text(f"SELECT pg_try_advisory_xact_lock({_LOCK})")
_TRIES, _PAUSE_SECONDS = 30, 2.0
_LOCKED_OUT = frozenset({"55P03", "40P01"})  # lock_not_available, deadlock_detected


def migrate(services: Services, *, apart: bool = False) -> None:
    """Migrate the database to the newest revision; raise `Unready` if the database cannot be used.

    With ``apart``, a fork does it: a program that runs on afterwards does not keep the library of migrations in memory.
    """
    with database_to_change(services):
        if revision.database_revision(services.engine) != revision.expected_revision():
            if apart:
                call_in_fork(partial(_upgrade_in_fork, services.engine))
            else:
                upgrade_with_retries(lambda: revision.upgrade(services.engine))
        _make_partitions(services)


def _upgrade_in_fork(engine: Engine) -> None:
    forget_inherited_connections(engine)
    upgrade_with_retries(lambda: revision.upgrade(engine))


@contextmanager
def database_to_change(services: Services) -> Iterator[None]:
    """Create the folder and the file of the database, and let only this process change its tables in the block.

    Raises `Unready` if the database cannot be used, and `BadSettingError` for a folder that cannot.
    """
    _make_folder(services.settings.data_dir)
    quiet_alembic()
    try:
        with suppress(OSError):  # SQLite says what is wrong
            create_file(services.engine)
        _check(services)
        refuse_newer_tables(services)
        with migration_lock(services.engine, services.settings.data_dir):
            yield
    except DBAPIError as error:
        raise Unready(_sentence(services, " ".join(str(error.orig).split()))) from None
    finally:
        services.engine.dispose()


def _make_partitions(services: Services) -> None:
    """Divide the tables of a new installation if it is set; raise `BadSettingError` if that is not possible."""
    if not services.settings.database_partitions:
        return
    if is_sqlite(services.engine):
        message = "DESKJOB_DATABASE_PARTITIONS needs PostgreSQL: SQLite has no partitions. Unset it."
        raise BadSettingError(message)
    with writing(services.engine) as connection:
        lift_time_limit(connection)
        if not months_of_jobs(connection) and not divide_by_month(connection):
            message = (
                "DESKJOB_DATABASE_PARTITIONS is for new installations, and this one has jobs in tables without "
                "partitions. Unset it; or make a backup, and restore it into an empty database with this setting."
            )
            raise BadSettingError(message)


def first_admin(services: Services) -> str | None:
    """Create the admin if there are no users; return the password, unless DESKJOB_ADMIN_PASSWORD sets it.

    Raises `BadSettingError` if that password is too easy to guess.
    """
    if not services.accounts.is_empty():
        return None
    configured = services.settings.admin_password
    password = configured.get_secret_value() if configured else secrets.token_urlsafe(15)
    try:
        services.accounts.add(ADMIN, password, role=Role.ADMIN, full_name="Administrator")
    except BadAccount as error:
        message = f"DESKJOB_ADMIN_PASSWORD cannot be used: {error}"
        raise BadSettingError(message) from None
    return None if configured else password


def _make_folder(folder: Path) -> None:
    try:
        make_private_folder(folder)
    except OSError as error:
        message = f"DESKJOB_DATA_DIR cannot be used ({str(folder)!r}): {error.strerror}."
        raise BadSettingError(message) from None


def _check(services: Services) -> None:
    with services.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        if not is_sqlite(services.engine):
            encoding = connection.execute(text("SHOW server_encoding")).scalar()
            if encoding != "UTF8":
                raise Unready(_encoding_sentence(services, str(encoding)))
            refuse_lost_settings(connection, services.settings)
        else:
            verdict = connection.execute(text("PRAGMA quick_check(1)")).scalar()
            if verdict != "ok":
                raise Unready(_sentence(services, str(verdict)))


def _encoding_sentence(services: Services, encoding: str) -> str:
    place = services.engine.url.render_as_string(hide_password=True)
    advice = f"CREATE DATABASE {services.engine.url.database} ENCODING 'UTF8' TEMPLATE template0"
    return f"The database {place} cannot be used: its encoding is {encoding}, not UTF8. Create it again: {advice}."


def _sentence(services: Services, reason: str) -> str:
    place = services.engine.url.render_as_string(hide_password=True)
    if is_sqlite(services.engine):
        advice = "Restore it from a backup, move it away to start with an empty one, or set DESKJOB_DATABASE_URL."
    elif "startup parameter" in reason:
        advice = "If a pooler such as PgBouncer is in between, set DESKJOB_DATABASE_POOLED=true."
    else:
        advice = "Start the database, or correct DESKJOB_DATABASE_URL."
    return f"The database {place} cannot be used: {' '.join(reason.split()).strip('*.? ')}. {advice}"


@contextmanager
def migration_lock(engine: Engine, folder: Path) -> Iterator[None]:
    """Hold the lock that allows only one process at a time to migrate this database."""
    if is_sqlite(engine):
        with open(folder / "migrate.lock", "w", opener=private_opener) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    with engine.connect() as connection:  # until the end of its transaction, which a pooler keeps together
        while not connection.execute(_TRY_LOCK).scalar_one():
            connection.rollback()  # an index that the other process builds waits for the ends of transactions
            time.sleep(0.2)
        lift_time_limit(connection)
        yield


def upgrade_with_retries(upgrade: Callable[[], None]) -> None:
    """Upgrade, and try again after a pause if a lock was held for too long."""
    for _ in range(_TRIES - 1):
        try:
            upgrade()
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in _LOCKED_OUT:
                raise
            log.warning("A table was locked for too long. The migration was rolled back and will be tried again.")
            time.sleep(_PAUSE_SECONDS)
        else:
            return
    upgrade()
