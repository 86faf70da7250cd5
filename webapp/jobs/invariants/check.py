"""A check: a sentence that must hold, and how to find what breaks it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, Select, func, select, text

from webapp.db.engine import is_sqlite, reading

EXAMPLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Whether a rule holds; if not, how often it is broken, and some examples in words."""

    rule: str
    count: int = 0
    examples: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Tell whether nothing breaks it."""
        return not self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A rule, and what looks for what breaks it.

    ``passing`` says that it may be broken for a moment, as between a commit and the wake-up that
    follows it: such a check is broken only if it is so twice, a few seconds apart.
    """

    rule: str
    look: Callable[[], Finding]
    passing: bool = False


def check_rows(engine: Engine, rule: str, broken: Select[*tuple[Any, ...]], *, passing: bool = False) -> Check:
    """Check that a statement selects no row; its columns, in words, are the examples."""

    def look() -> Finding:
        with reading(engine) as connection:
            _take_your_time(connection)
            found = connection.execute(broken.limit(EXAMPLES + 1)).all()
            count = len(found)
            if count > EXAMPLES:
                count = connection.execute(select(func.count()).select_from(broken.subquery())).scalar_one()
        return Finding(rule=rule, count=count, examples=tuple(describe_row(row) for row in found[:EXAMPLES]))

    return Check(rule=rule, look=look, passing=passing)


def check_items(rule: str, broken: Callable[[], Iterator[str]], *, passing: bool = False) -> Check:
    """Check that an iterator finds nothing; what it yields are the examples."""

    def look() -> Finding:
        found = broken()
        examples = tuple(islice(found, EXAMPLES))
        return Finding(rule=rule, count=len(examples) + sum(1 for _ in found), examples=examples)

    return Check(rule=rule, look=look, passing=passing)


def describe_row(row: Any) -> str:
    """Return a row's columns as ``name value, name value``."""
    return ", ".join(f"{name} {value}" for name, value in row._mapping.items())  # noqa: SLF001  (SQLAlchemy's own name)


def _take_your_time(connection: Connection) -> None:
    if not is_sqlite(connection.engine):  # a million jobs take longer than a page may
        connection.execute(text("SET statement_timeout = 0"))
        connection.detach()
