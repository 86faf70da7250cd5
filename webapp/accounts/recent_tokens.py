"""Whom API tokens stood for a moment ago.

A program that sends hundreds of requests a second makes the database look up its token four times a second. What this
process changes of accounts, groups and tokens counts at once, and what others change within `SECONDS`: that is less
than a command takes to start.
"""

from collections.abc import Callable
from time import monotonic
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from sqlalchemy import Connection, Engine, UpdateBase, event

from webapp.db.engine import before_commit
from webapp.schema import api_tokens, group_members, group_types, second_factors, user_groups, users

SECONDS = 0.25
_READ = frozenset({api_tokens, group_members, group_types, second_factors, user_groups, users})  # for a token
_MOST = 1_000
T = TypeVar("T")


class RecentTokens(Generic[T]):
    """What was found for tokens of one database within the last `SECONDS`, by the hash of the token."""

    def __init__(self) -> None:
        self._found: dict[bytes, tuple[float, T]] = {}
        self._changes = 0
        _all.add(self)

    def find(self, token_hash: bytes, look_up: Callable[[], T | None]) -> T | None:
        """Return what was found a moment ago, or what ``look_up`` finds; nothing is remembered of unknown tokens."""
        known = self._found.get(token_hash)
        if known is not None and monotonic() < known[0]:
            return known[1]
        until, changes = monotonic() + SECONDS, self._changes
        found = look_up()
        if found is not None and changes == self._changes:  # else it may be what was there before the change
            if len(self._found) >= _MOST:
                self._found.clear()
            self._found[token_hash] = until, found
        return found

    def forget(self) -> None:
        """Look up every token again."""
        self._changes += 1
        self._found.clear()


_all: WeakSet[RecentTokens[Any]] = WeakSet()


def _forget_all() -> None:
    for tokens in list(_all):
        tokens.forget()


@event.listens_for(Engine, "after_execute")
def _forget_before_a_change(connection: Connection, statement: object, *_: object) -> None:
    if isinstance(statement, UpdateBase) and statement.table in _READ:
        _forget_all()
        before_commit(connection, lambda _: _forget_all)  # and what is read until then
