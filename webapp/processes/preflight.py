"""Checks before a process starts: folders, a single `up` per folder, Redis, and the revision of the tables."""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import AuthenticationError, RedisError, ResponseError
from redis.exceptions import AuthorizationError
from sqlalchemy import Connection

from webapp.config import BadSettingError, Settings, Unready
from webapp.db import revision, session_settings
from webapp.db.engine import is_sqlite, reading
from webapp.db.retry import retry_while_away
from webapp.db.sqlite_file import missing_file
from webapp.jobs.store.file_store import StorageUnavailable
from webapp.private_files import make_private_folder, private_opener
from webapp.processes import valkey
from webapp.services import Services


def check_folders(settings: Settings) -> None:
    """Create the folders that Deskjob writes to; raise `BadSettingError` for a folder that cannot be used."""
    if not settings.redis_url:
        valkey.command(settings.redis_socket)  # raises for a path that is too long for a socket
    for name, folder in settings.folders:
        try:
            make_private_folder(folder)
        except OSError as error:
            message = f"{name} cannot be used ({str(folder)!r}): {error.strerror}. Choose a writable folder."
            raise BadSettingError(message) from None
        if not os.access(folder, os.W_OK | os.X_OK):
            message = f"{name} cannot be used ({str(folder)!r}): it is not writable. Choose another folder."
            raise BadSettingError(message)


@contextmanager
def single_instance(folder: Path) -> Iterator[None]:
    """Raise `Unready` if another `up` is running on the same folder."""
    with open(folder / "up.lock", "w", opener=private_opener) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"Deskjob is already running on {folder}. Stop it, or set DESKJOB_DATA_DIR to another folder."
            raise Unready(message) from None
        yield


def check_redis(services: Services) -> None:
    """Raise `Unready` if an external Redis does not answer; the embedded one is started later."""
    if not services.settings.redis_url:
        return
    try:
        services.redis.ping()
    except RedisError as error:
        message = (
            f"DESKJOB_REDIS_URL cannot be used: {error} "
            "Start that Redis, correct the address, or unset it to use the embedded Valkey."
        )
        raise Unready(message) from None


def check_redis_access(services: Services) -> None:
    """Raise `Unready` if Redis answers that it refuses this program; one that does not answer is waited for."""
    try:
        services.redis.ping()
    except (AuthenticationError, AuthorizationError, ResponseError) as error:
        reason = str(error).split(". ")[0].rstrip(".")
        message = (
            f"DESKJOB_REDIS_URL cannot be used: {reason}. Correct its user and password, or the rules of that Redis."
        )
        raise Unready(message) from None
    except RedisError:
        return


def storage_problem(services: Services) -> str:
    """Return a sentence about an object storage that cannot be used, or an empty text.

    A process looks that is forked for it: this one may fork others later, which then could not use the storage.
    """
    settings = services.settings
    if not any(settings.is_bucket(place) for place in (settings.storage, settings.storage_url_old)):
        return ""
    reader, writer = os.pipe()
    if not (child := os.fork()):
        try:
            services.files.check()
        except (StorageUnavailable, BadSettingError) as error:
            os.write(writer, str(error).encode())
        except BaseException as error:  # noqa: BLE001  (this process must say it and end)
            os.write(writer, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as sentence:
        said = sentence.read()
    os.waitpid(child, 0)
    return said


def check_storage(services: Services) -> None:
    """Raise `Unready` if an object storage is configured and cannot be used."""
    if problem := storage_problem(services):
        message = f"DESKJOB_STORAGE_URL cannot be used ({services.settings.storage}). {problem}"
        raise Unready(message)


def warn_of_storage(services: Services) -> None:
    """Log a warning if an object storage cannot be used: pages and jobs without files work all the same."""
    if problem := storage_problem(services):
        logging.getLogger(__name__).warning("Files cannot be used now (%s). %s", services.settings.storage, problem)


def require_tables(services: Services, *, patience: float = 0.0) -> None:
    """Raise `Unready` if the tables do not have the expected revision; wait ``patience`` seconds for the database."""
    make_private_folder(services.settings.data_dir)
    quiet_alembic()
    if path := missing_file(services.engine):
        message = f"There is no database at {path}. Put its file back, or run ./deskjob db upgrade to create one."
        raise Unready(message)
    expected = revision.expected_revision()
    actual = retry_while_away(lambda: revision.database_revision(services.engine), seconds=patience)
    with reading(services.engine) as connection:
        refuse_lost_settings(connection, services.settings)
    services.engine.dispose()
    if actual is None:
        message = "The database has no tables yet. Run ./deskjob db upgrade first."
        raise Unready(message)
    if actual != expected:
        raise Unready(_revision_sentence(actual))


def refuse_lost_settings(connection: Connection, settings: Settings) -> None:
    """Raise `Unready` if PostgreSQL does not apply the settings on which Deskjob relies to a connection."""
    if is_sqlite(connection.engine):
        return
    if message := session_settings.problem(connection, pooled=settings.database_pooled):
        raise Unready(message)


def refuse_newer_tables(services: Services) -> None:
    """Raise `Unready` if a newer version of this program has migrated the database."""
    actual = revision.database_revision(services.engine)
    if actual is not None and revision.is_newer(actual):
        raise Unready(_revision_sentence(actual))


def _revision_sentence(actual: str) -> str:
    if revision.is_newer(actual):
        advice = "A newer version of Deskjob migrated them. Start that version, or restore a backup of this one."
    else:
        advice = "Run ./deskjob db upgrade."
    return f"The tables have revision {actual}, but this program needs {revision.expected_revision()}. {advice}"


def quiet_alembic() -> None:
    """Silence the information that Alembic logs."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
