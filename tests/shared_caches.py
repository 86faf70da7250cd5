"""What is the same in every test and takes longer to make than most of them last: it is made once."""

from functools import cache
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import Dialect
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from webapp import services

_STATEMENTS = 5_000  # all that the house has, and more
_compiled: dict[str, tuple[Dialect, LRUCache[Any, Any]]] = {}


def share_statements(engine: Engine) -> None:
    """Let this engine have what others on the same kind of database have compiled: SQL from expressions."""
    kind = engine.dialect.name
    if kind not in _compiled:
        engine.connect().close()  # its dialect now knows the server
        _compiled[kind] = engine.dialect, LRUCache(_STATEMENTS)
    engine.dialect, engine._compiled_cache = _compiled[kind]


def share_entry_points(patch: pytest.MonkeyPatch) -> None:
    """Read but once which packages are installed, and what they offer."""
    patch.setattr(services, "entry_points", cache(services.entry_points))


def share_routes(patch: pytest.MonkeyPatch) -> None:
    """Let applications share the functions that build their addresses: they are made from source text."""
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
