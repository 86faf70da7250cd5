"""The two databases of the chaos, and what each can be struck with."""

import random
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.chaos.interference import Strike
from benchmarks.chaos.postgresql import PostgreSQL, wait_until_it_answers


@dataclass(frozen=True)
class Database:
    """Where it is, and its faults by name."""

    url: str
    faults: Mapping[str, Strike]


@contextmanager
def made(kind: str, folder: Path, dice: random.Random) -> Iterator[Database]:
    """Make an empty database."""
    if kind == "sqlite":
        path = folder / "chaos.sqlite3"
        yield Database(f"sqlite:///{path}", {"hold the write lock": lambda: _hold(path, dice.uniform(0.2, 1.5))})
        return
    server = PostgreSQL(folder)
    server.forgo_disk()
    try:
        yield Database(
            server.url,
            {
                "restart PostgreSQL": lambda: _restart(server, dice.uniform(0, 1)),
                "cut connections": lambda: bool(server.cut_connections("postgres")),
            },
        )
    finally:
        server.close()


def _hold(path: Path, seconds: float) -> bool:
    other = sqlite3.connect(path, isolation_level=None, timeout=10)
    other.execute("BEGIN IMMEDIATE")
    time.sleep(seconds)
    other.execute("COMMIT")
    other.close()
    return True


def _restart(server: PostgreSQL, pause: float) -> bool:
    server.crash()
    time.sleep(pause)
    server.start()
    wait_until_it_answers(server)
    return True
