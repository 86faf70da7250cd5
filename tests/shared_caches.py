"""Caches that all tests of a process share, because filling them takes longer than most tests."""

from functools import cache
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import Dialect
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from webapp import services

_STATEMENTS = 5_000  # more than the application has
_compiled: dict[str, tuple[Dialect, LRUCache[Any, Any]]] = {}


def share_statements(engine: Engine) -> None:
    """Let this engine use the SQL that other engines of the same dialect have compiled."""
    name = engine.dialect.name
    if name not in _compiled:
        engine.connect().close()  # the dialect reads the version of the server
        _compiled[name] = engine.dialect, LRUCache(_STATEMENTS)
    engine.dialect, engine._compiled_cache = _compiled[name]


def share_entry_points(patch: pytest.MonkeyPatch) -> None:
    """Read the entry points of the installed packages once."""
    patch.setattr(services, "entry_points", cache(services.entry_points))


def share_routes(patch: pytest.MonkeyPatch) -> None:
    """Let applications share the functions that build URLs, which are compiled from source text."""
    make = Rule._compile_builder

    @cache
    def made(text: tuple[object, ...], append_unknown: bool) -> Any:
        return make(rules[text], append_unknown)

    def shared(self: Rule, append_unknown: bool = True) -> Any:  # noqa: FBT002  (as it is called)
        text = (self.rule, self.subdomain, self.host, tuple((self.defaults or {}).items()))
        rules.setdefault(text, self)
        return made(text, append_unknown)

    rules: dict[tuple[object, ...], Rule] = {}
    patch.setattr(Rule, "_compile_builder", shared)
