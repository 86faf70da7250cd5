"""A check: a rule that must hold, and how to find its violations."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Engine, Select, func, select

from webapp.db.engine import lift_time_limit, reading

EXAMPLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of a check: how often its rule is violated, and some examples in words."""

    rule: str
    count: int = 0
    examples: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the rule is not violated."""
        return not self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A rule, and the function that looks for violations.

    A ``transient`` rule can be violated for a moment, for example between a commit and its wake-up. It counts as
    violated only if two runs, a few seconds apart, find it so.
    """

    rule: str
    run: Callable[[], Finding]
    transient: bool = False


def check_rows(engine: Engine, rule: str, violations: Select[*tuple[Any, ...]], *, transient: bool = False) -> Check:
    """Return a check that a statement selects no row; the columns of its rows are the examples."""

    def find() -> Finding:
        with reading(engine) as connection:
            lift_time_limit(connection)  # a check of a million jobs takes longer than a page can
            found = connection.execute(violations.limit(EXAMPLES + 1)).all()
            count = len(found)
            if count > EXAMPLES:
                count = connection.execute(select(func.count()).select_from(violations.subquery())).scalar_one()
        return Finding(rule=rule, count=count, examples=tuple(describe_row(row) for row in found[:EXAMPLES]))

    return Check(rule=rule, run=find, transient=transient)


def check_items(rule: str, violations: Callable[[], Iterator[str]], *, transient: bool = False) -> Check:
    """Return a check that an iterator yields nothing; what it yields are the examples."""

    def find() -> Finding:
        found = violations()
        examples = tuple(islice(found, EXAMPLES))
        return Finding(rule=rule, count=len(examples) + sum(1 for _ in found), examples=examples)

    return Check(rule=rule, run=find, transient=transient)


def describe_row(row: Any) -> str:
    """Return a row's columns as ``name value, name value``."""
    return describe_columns(row._mapping.items())  # noqa: SLF001  (SQLAlchemy's own name)


def describe_columns(columns: Iterable[tuple[str, Any]]) -> str:
    """Return columns with their values as ``name value, name value``."""
    return ", ".join(f"{name} {value}" for name, value in columns)
