"""What differs in a process that runs tests: patience, shared caches, and nothing left open for the next test."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

import pytest
from redis import ConnectionPool

from tests.shared_caches import (
    share_author_catalogues,
    share_entry_points,
    share_job_types,
    share_routes,
    share_statements_of_readers,
    stop_expiry_threads,
)
from webapp.db import engine
from webapp.jobs.execution.by_hand import dry_run_process
from webapp.jobs.execution.isolation.leftovers import Leftovers


@pytest.fixture(scope="session", autouse=True)
def patient_connections() -> Iterator[None]:
    """Give PostgreSQL a minute to accept a connection; tests of a frozen server use the real limit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "CONNECT_SECONDS", 60)
        yield


@pytest.fixture(scope="session", autouse=True)
def patient_dry_runs() -> Iterator[None]:
    """Give the process of a dry run minutes to start: no test judges how fast the machine is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dry_run_process, "_MORE_SECONDS", 300.0)
        yield


@pytest.fixture(scope="session", autouse=True)
def shared_caches() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        share_routes(patch)
        share_statements_of_readers(patch)
        share_entry_points(patch)
        share_job_types(patch)
        share_author_catalogues(patch)
        stop_expiry_threads(patch)
        yield


@pytest.fixture(scope="session", autouse=True)
def real_find_leftovers() -> Iterator[Callable[[Leftovers], Iterator[str]]]:
    """Let a work-horse in the process of the tests find nothing that a job left behind; yield how it is really found.

    Web servers, browsers and the garbage of earlier tests open and close files and threads of this process at any time,
    which would look as if a job had done it. Work-horses in processes of their own look for what is left behind.
    """
    process, find = os.getpid(), Leftovers.find

    def find_elsewhere(self: Leftovers) -> Iterator[str]:
        return iter(()) if os.getpid() == process else find(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Leftovers, "find", find_elsewhere)
        yield find


@pytest.fixture(scope="session")
def redis_pools() -> Iterator[WeakSet[ConnectionPool]]:
    """Return the pools of all Redis clients of this process."""
    pools, init = WeakSet[ConnectionPool](), ConnectionPool.__init__

    def remembered(self: ConnectionPool, *arguments: Any, **options: Any) -> None:
        init(self, *arguments, **options)
        pools.add(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ConnectionPool, "__init__", remembered)
        yield pools


@pytest.fixture(autouse=True)
def no_open_sockets(redis_pools: WeakSet[ConnectionPool]) -> Iterator[None]:
    with _no_open_sockets(redis_pools):
        yield


@pytest.fixture(scope="module", autouse=True)
def no_open_sockets_of_a_module(redis_pools: WeakSet[ConnectionPool]) -> Iterator[None]:
    with _no_open_sockets(redis_pools):
        yield


@contextmanager
def _no_open_sockets(pools: WeakSet[ConnectionPool]) -> Iterator[None]:
    """Close what a test has left open: the garbage collector would complain of it in the middle of another test."""
    yield
    for pool in list(pools):
        pool.disconnect(inuse_connections=False)
