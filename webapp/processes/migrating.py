"""Migrating while everything runs: one at a time, never waiting long for a lock that others stand behind.

A statement that waits for a table's lock makes all that come later wait too; so it gives up after
`env.py`'s lock_timeout, the whole upgrade is undone, and is tried again a moment later.
"""

import fcntl
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from webapp.database import is_sqlite, reading

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
