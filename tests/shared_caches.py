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
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from jinja2.bccache import Bucket
from limits.storage import memory
from sqlalchemy import Engine
from sqlalchemy.engine import Dialect
from sqlalchemy.util import LRUCache
from werkzeug.routing import Map, Rule, RuleFactory

from webapp import installed_job_types, services
from webapp.config import Settings
from webapp.jobs.definition.registry import Registry
from webapp.views.text import author_catalogues

_STATEMENTS = 5_000  # more than the application has
_compiled: dict[str, tuple[Dialect, LRUCache[Any, Any]]] = {}
_compiled_maps: dict[tuple[object, ...], Map] = {}


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


def share_statements_of_readers(patch: pytest.MonkeyPatch) -> None:
    """Let the engines of checks and of dry runs use the SQL that others have compiled; each run has an engine."""
    read_only = services.read_only

    def reader(engine: Engine) -> Engine:
        second = read_only(engine)
        share_statements(second)
        return second

    patch.setattr(services, "read_only", reader)


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


class SharedMap(Map):
    """The routes of an application, compiled once for all applications with the same ones.

    Compiling them takes longer than the rest of an application. Routes that a test adds are compiled with all others.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._added: list[tuple[dict[str, Any], Rule]] = []  # with the converters of that moment
        self._converters = self.converters.copy()

    def add(self, rulefactory: RuleFactory) -> None:
        """Remember routes until one is looked for."""
        if self._converters != self.converters:
            self._converters = self.converters.copy()
        self._added.extend((self._converters, rule) for rule in rulefactory.get_rules(self))
        self._remap = True

    def update(self) -> None:
        """Take the compiled routes of an earlier application, or compile them."""
        if not self._remap:
            return
        key = tuple((*converters.values(), *_text_of(rule)) for converters, rule in self._added)
        if key not in _compiled_maps:
            compiled = Map(host_matching=self.host_matching)
            for converters, rule in self._added:
                compiled.converters = converters
                compiled.add(copy(rule))
            compiled.update()
            _compiled_maps[key] = compiled
        self._matcher, self._rules_by_endpoint = _compiled_maps[key]._matcher, _compiled_maps[key]._rules_by_endpoint
        self._remap = False


def _text_of(rule: Rule) -> tuple[object, ...]:
    methods, defaults = frozenset(rule.methods or ()), tuple((rule.defaults or {}).items())
    return rule.rule, rule.endpoint, rule.host, rule.subdomain, rule.provide_automatic_options, methods, defaults


def share_routes(patch: pytest.MonkeyPatch) -> None:
    """Let applications share the routes to Deskjob's own views, and what is compiled from all routes."""
    add, rules = Flask.add_url_rule, dict[tuple[object, ...], Rule]()

    def add_url_rule(self: Flask, rule: str, endpoint: Any = None, view_func: Any = None, **options: Any) -> None:
        key = rule, endpoint, view_func, str(options)
        known = rules.get(key)
        if known and self.view_functions.setdefault(known.endpoint, view_func) is view_func:
            self.url_map.add(known)
            return
        add(self, rule, endpoint, view_func, **options)
        if getattr(view_func, "__module__", "").startswith("webapp."):
            rules[key] = self.url_map._added[-1][1]

    patch.setattr(Flask, "url_map_class", SharedMap)
    patch.setattr(Flask, "add_url_rule", add_url_rule)
