"""Freeze processes as if their machine had vanished."""

import os
import time

import psutil
from sqlalchemy import Engine

from webapp.db.engine import forget_inherited_connections, writing


def freeze(engine: Engine, *processes: psutil.Process) -> None:
    """Suspend processes, none of them in the middle of a write.

    A process that is frozen while it writes keeps SQLite locked for all others, which no vanished machine can. So this
    process holds the lock meanwhile.
    """
    with writing(engine):
        for process in processes:
            process.suspend()
        while any(process.status() != psutil.STATUS_STOPPED for process in processes):
            time.sleep(0.001)


def freeze_with_parent(engine: Engine) -> None:
    """Freeze the calling process and its parent; return when the calling one was resumed."""
    both = psutil.Process(os.getppid()), psutil.Process()
    pid = os.fork()
    if not pid:
        try:
            forget_inherited_connections(engine)
            freeze(engine, *both)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
