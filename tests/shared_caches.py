"""What all tests of a process share, because it takes longer than most tests: filled caches, and no threads."""

from collections.abc import Collection, Iterator
from copy import copy
from functools import cache
from pathlib import Path
from threading import RLock
from types import CodeType, SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from jinja2 import FileSystemBytecodeCache
from jinja2.bccache import Bucket
from limits.storage import memory
from sqlalchemy import Engine
from sqlalchemy.engine import Dialect
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from webapp import installed_job_types
from webapp.config import Settings
from webapp.jobs.definition.registry import Registry
from webapp.views.text import author_catalogues

_STATEMENTS = 5_000  # more than the application has
_COMPILED = ("_parts", "_trace", "_converters", "arguments", "_build", "_build_unknown")
_compiled: dict[str, tuple[Dialect, LRUCache[Any, Any]]] = {}


class CompiledTemplates(FileSystemBytecodeCache):
    """Compiled templates in a folder for all processes, and in memory for the applications of this one."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self._known: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._known.get((bucket.key, bucket.checksum))
        if bucket.code is None:
            super().load_bytecode(bucket)
            self._remember(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        super().dump_bytecode(bucket)
        self._remember(bucket)

    def _remember(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._known[bucket.key, bucket.checksum] = bucket.code


def share_statements(engine: Engine) -> None:
    """Let this engine use the SQL that other engines of the same dialect have compiled."""
    name = engine.dialect.name
    if name not in _compiled:
        engine.connect().close()  # the dialect reads the version of the server
        _compiled[name] = engine.dialect, LRUCache(_STATEMENTS)
    engine.dialect, engine._compiled_cache = _compiled[name]


def share_entry_points(patch: pytest.MonkeyPatch) -> None:
    """Read the entry points of the installed packages once."""
    patch.setattr(installed_job_types, "entry_points", cache(installed_job_types.entry_points))


def share_job_types(patch: pytest.MonkeyPatch) -> None:
    """Read the declarations of Deskjob's own job types once; each installation gets its own registry of them."""
    read, registries = installed_job_types.load_job_types, dict[str, Registry]()

    def load_job_types(settings: Settings, services: Collection[str]) -> Registry:
        if settings.job_type_modules:  # of a test
            return read(settings, services)
        if settings.stale_after not in registries:
            registries[settings.stale_after] = read(settings, services)
            registries[settings.stale_after].load_all()
        own = copy(registries[settings.stale_after])
        own._types, own._queues, own._services = dict(own._types), dict(own._queues), dict(own._services)
        return own

    patch.setattr(installed_job_types, "load_job_types", load_job_types)


def share_author_catalogues(patch: pytest.MonkeyPatch) -> None:
    """Look for the catalogues beside Deskjob's own modules once."""
    find = author_catalogues._folders_of
    find_once = cache(lambda module: tuple(find(module)))

    def folders_of(module: str) -> Iterator[Path]:
        return iter(find_once(module)) if module.startswith("webapp.") else find(module)

    patch.setattr(author_catalogues, "_folders_of", folders_of)


def stop_expiry_threads(patch: pytest.MonkeyPatch) -> None:
    """Start no thread for the counters of each application: it only saves memory, as they are checked when read."""
    timer = Mock(return_value=Mock(**{"is_alive.return_value": True}))
    patch.setattr(memory, "threading", SimpleNamespace(Timer=timer, RLock=RLock))


def share_routes(patch: pytest.MonkeyPatch) -> None:
    """Let applications share what is compiled from the text of a route."""
    compile_rule, compiled = Rule.compile, dict[tuple[object, ...], dict[str, Any]]()

    def compile_once(self: Rule) -> None:
        text = (self.rule, self.subdomain, self.host, self.merge_slashes, tuple((self.defaults or {}).items()))
        if text in compiled:
            vars(self).update(compiled[text])
            return
        compile_rule(self)
        compiled[text] = {name: vars(self)[name] for name in _COMPILED}

    patch.setattr(Rule, "compile", compile_once)
