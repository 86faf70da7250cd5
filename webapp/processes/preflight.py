"""What `up` makes sure of before it starts anything: folders, one start per folder, a Redis that answers.

What every process asks for before it works: tables of the revision that it was written for.
"""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import RedisError

from webapp.config import BadSettingError, Settings, Unready
from webapp.db import revision
from webapp.db.retry import retry_while_away
from webapp.processes import valkey
from webapp.services import Services


def check_folders(settings: Settings) -> None:
    """Make the folders that are written to; a `BadSettingError` names the one that cannot be."""
    if not settings.redis_url:
        valkey.command(settings.redis_socket)  # refuses a path that is too long for a socket
    for name, folder in (("DESKJOB_DATA_DIR", settings.data_dir), ("DESKJOB_STORAGE_URL", settings.storage)):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            message = f"{name} cannot be used ({str(folder)!r}): {error.strerror}. Choose a folder that can be written."
            raise BadSettingError(message) from None
        if not os.access(folder, os.W_OK | os.X_OK):
            message = f"{name} cannot be used ({str(folder)!r}): it cannot be written. Choose another folder."
            raise BadSettingError(message)


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Refuse a second start on the same folder, for as long as the first one runs."""
    with (folder / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"Deskjob already runs on {folder}. Stop it first, or set DESKJOB_DATA_DIR to another folder."
            raise Unready(message) from None
        yield


def check_redis(services: Services) -> None:
    """Refuse a Redis of somebody else's that does not answer; the embedded one is started later."""
    if not services.settings.redis_url:
        return
    try:
        services.wake_ups.connection.ping()
    except RedisError as error:
        message = (
            f"DESKJOB_REDIS_URL cannot be used: {error} "
            "Start that Redis, correct the address, or unset it to use the embedded Valkey."
        )
        raise Unready(message) from None


def require_tables(services: Services, *, patience: float = 0.0) -> None:
    """Refuse to work on a database that nobody has migrated yet; wait ``patience`` seconds for one that is away."""
    quiet_alembic()
    expected = revision.expected_revision()
    found = retry_while_away(lambda: revision.database_revision(services.engine), seconds=patience)
    services.engine.dispose()
    if found is None:
        message = "The database has no tables yet. Run ./deskjob db upgrade first."
        raise Unready(message)
    if found != expected:
        message = f"The tables are of version {found}, this program wants {expected}. Run ./deskjob db upgrade first."
        raise Unready(message)


def quiet_alembic() -> None:
    """Keep it from telling at length how it found the database."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
