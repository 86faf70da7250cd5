"""The two databases of the chaos test, and the faults of each."""

import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.chaos.interference import Injection
from benchmarks.chaos.postgresql import PostgreSQL, wait_until_it_answers


@dataclass(frozen=True)
class Database:
    """Its URL, and its faults by name; those that last longer than their injection are awaited."""

    url: str
    faults: Mapping[str, Injection]
    await_end_of_faults: Callable[[], None] = lambda: None


@contextmanager
def create_database(kind: str, folder: Path, rng: random.Random) -> Iterator[Database]:
    """Create an empty database."""
    if kind == "sqlite":
        path = folder / "chaos.sqlite3"
        yield Database(f"sqlite:///{path}", {"hold the write lock": lambda: _hold(path, rng.uniform(0.2, 1.5))})
        return
    server = PostgreSQL(folder)
    server.forgo_disk()
    try:
        yield Database(
            server.url,
            {
                "restart PostgreSQL": lambda: _restart(server, rng.uniform(0, 1)),
                "cut connections": lambda: bool(server.cut_connections("postgres")),
            },
        )
    finally:
        server.close()


def _hold(path: Path, seconds: float) -> bool:
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as other:
        other.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        other.execute("COMMIT")
    return True


def _restart(server: PostgreSQL, pause: float) -> bool:
    server.crash()
    time.sleep(pause)
    server.start()
    wait_until_it_answers(server)
    return True
