"""Mutation tests: each guard is removed from the SQL once, and a check must notice it.

Guards of a single connection have a scenario that fails without the guard. For guards between two
connections, one of them is delayed in the middle of its transaction. The state machines of
``test_lifecycle_model.py`` and ``test_finish_attempt_model.py`` search for other scenarios.
"""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event as database_event
from sqlalchemy.exc import IntegrityError, ProgrammingError

from tests.installation import PATIENCE_SECONDS
from tests.jobs.conftest import HOLDER, LOCATION
from tests.jobs.lifecycle_world import ENDINGS, World
from tests.jobs.row_invariants import broken, snapshot
from webapp.db.engine import is_sqlite, writing
from webapp.jobs.lifecycle import finish_family
from webapp.jobs.model.job import Job
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
FAILED = ENDINGS[1]
Mutate = Callable[[str, str], Counter[str]]
NUMBER = r"(\?|%\(\w+\)s::(?:INTEGER|BIGINT))"
BEAT = (rf"leases\.beat = {NUMBER}", r"\1 IS NOT NULL")
VERSION = (rf"jobs\.version = {NUMBER}", r"\1 IS NOT NULL")
LIMIT_LOCK = (r"pg_advisory_xact_lock\(", "abs(")
ROW_LOCKS = (r" FOR (NO KEY )?UPDATE( SKIP LOCKED)?", "")
LEASED = (r"leases\.id = (\?|%\(horse_lease\)s::UUID)", r"\1 IS NOT NULL")


def a_zombie_writes(world: World) -> None:
    world.create("nothing")
    zombie = world.claim()
    world.settle(zombie, hand_back=True)
    assert world.claim_one(zombie.id).attempt == 2
    assert world.report(zombie, 50.0) == "LeaseLost"
    assert world.spawn(zombie, ["late"]) == "LeaseLost"
    assert [world.end(zombie, ending) for ending in ENDINGS] == ["LeaseLost"] * len(ENDINGS)


def an_attempt_writes_after_its_end(world: World) -> None:
    world.create("nothing")
    job = world.claim()
    assert world.end(job, FAILED) == ""
    assert world.report(job, 50.0) == "LeaseLost"
    assert world.end(job, ENDINGS[0]) == "LeaseLost"


def a_wake_up_is_repeated(world: World) -> None:
    world.create("nothing")
    job = world.claim()
    assert world.claim() is None
    assert world.end(job, FAILED) == ""
    assert world.claim() is None


def two_children_end(world: World) -> None:
    world.create("nothing")
    root = world.claim()
    world.spawn(root, ["a", "b"])
    world.end(root, ENDINGS[0])
    while child := world.claim():
        world.end(child, ENDINGS[0])
    assert broken(snapshot(world.services.engine)) == []


def a_rate_is_used_up(world: World) -> None:
    for _ in range(3):
        world.create("rated")
    assert [world.claim() is None for _ in range(3)] == [False, False, True]


Scenario = Callable[[World], None]
SCENARIOS: dict[str, tuple[Scenario, str, str]] = {
    "the fence's attempt": (a_zombie_writes, rf"jobs\.attempt = {NUMBER}", r"\1 IS NOT NULL"),
    "the fence's status": (
        an_attempt_writes_after_its_end,
        r"\(jobs\.status \|\| ''\) IN \('running'\)",
        "jobs.status <> ''",
    ),
    "that a job is queued": (
        a_wake_up_is_repeated,
        r"jobs\.status = 'queued'|\(jobs\.status \|\| ''\) IN \('queued'\)",
        "jobs.status <> ''",
    ),
    "the start before the last ones of a rate": (
        a_rate_is_used_up,
        rf"(rate_starts\.number) = (following\.number) - {NUMBER}",
        r"\1 = \2 + \3",
    ),
    "the count of children": (
        two_children_end,
        rf"(parts_\w+)=\((jobs\.parts_\w+) \+ {NUMBER}\)",
        r"\1=(\2 + 0 * \3)",
    ),
}


@pytest.fixture
def mutate(services: Services) -> Mutate:
    """Replace a pattern in every statement from now on; count where it was found."""

    def mutate(pattern: str, replacement: str) -> Counter[str]:
        hits = Counter[str]()

        @database_event.listens_for(services.engine, "before_cursor_execute", retval=True)
        def mutant(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
            changed, count = re.subn(pattern, replacement, statement)
            hits[pattern] += count
            return changed, parameters

        return hits

    return mutate


@pytest.mark.parametrize("guard", SCENARIOS)
def test_a_scenario_passes_with_its_guard_and_fails_without(services: Services, mutate: Mutate, guard: str) -> None:
    scenario, *mutation = SCENARIOS[guard]
    world = World(services)
    scenario(world)
    world.clear()
    hits = mutate(*mutation)
    with pytest.raises((AssertionError, IntegrityError, ProgrammingError)):
        scenario(world)
    assert hits.total()


def test_without_the_trigger_two_jobs_share_a_key(services: Services) -> None:
    world = World(services)
    assert [world.create("nothing", unique_key="stock") for _ in range(2)] == ["", "DuplicateJob"]
    with writing(services.engine) as connection:
        on_jobs = "" if is_sqlite(services.engine) else " ON jobs"
        connection.exec_driver_sql(f"DROP TRIGGER key_of_a_new_job{on_jobs}")
    assert world.create("nothing", unique_key="stock") == ""
    assert any("shares the key" in found for found in broken(snapshot(services.engine)))


@pytest.mark.parametrize("guarded", [True, False])
def test_a_new_heartbeat_keeps_a_lease(
    services: Services, running: Callable[..., Job], mutate: Mutate, guarded: bool
) -> None:
    job = running()
    seen = services.leases.beats()[job.lease_id]
    services.leases.beat(job.lease_id)
    if not guarded:
        assert mutate(*BEAT) is not None
    taken = services.leases.settle(job.lease_id, why="Unseen.", worker_gone=True, unbeaten_since=seen)
    assert (taken == ()) is guarded


@pytest.mark.parametrize("guarded", [True, False])
def test_a_work_horse_without_a_lease_cannot_claim(
    services: Services, make: Callable[..., Job], mutate: Mutate, guarded: bool
) -> None:
    make()
    lease = services.leases.open(HOLDER, "default")
    services.leases.settle(lease, why="Unseen.")
    services.leases.open(HOLDER, "default")
    hits = None if guarded else mutate(*LEASED)
    assert (services.claims.claim("default", lease, fresh=True) is None) is guarded
    assert hits is None or hits.total()


@pytest.mark.parametrize("guarded", [True, False])
def test_the_version_prevents_lost_updates(
    services: Services, make: Callable[..., Job], mutate: Mutate, guarded: bool
) -> None:
    job, changed = make(), []

    def slow_step(job: Job) -> Job:
        if not changed:  # a concurrent change is faster
            changed.append(services.jobs.change(job.id, lambda other: other.with_metadata({"by": "other"})))
        return job.with_metadata({**job.metadata, "mine": True})

    if not guarded:
        mutate(*VERSION)
    services.jobs.change(job.id, slow_step)
    assert (services.jobs.get(job.id).metadata == {"by": "other", "mine": True}) is guarded


def delay_after(services: Services, pattern: str) -> threading.Event:
    """Delay the first thread that sends a matching statement; return the event that is set when it has sent it."""
    sent = threading.Event()

    @database_event.listens_for(services.engine, "after_cursor_execute")
    def wait(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if re.search(pattern, statement) and not sent.is_set():
            sent.set()
            time.sleep(0.4)

    return sent


@pytest.mark.parametrize("locked", [True, False])
def test_claims_with_limits_are_serialized(services: Services, mutate: Mutate, database: str, locked: bool) -> None:
    if database == "sqlite":
        pytest.skip("SQLite has one writer at a time.")
    world = World(services)
    world.create("narrow"), world.create("narrow"), world.create("narrow"), world.create("narrow")
    world.claim()
    if not locked:
        assert mutate(*LIMIT_LOCK) is not None
    sent = delay_after(services, "UPDATE jobs SET status='running'")
    leases = [services.leases.open(HOLDER, "default") for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(world.claims.claim, "default", leases[0], fresh=True)
        assert sent.wait(PATIENCE_SECONDS)
        second = threads.submit(world.claims.claim, "default", leases[1], fresh=True)
        taken = [claim.result() is not None for claim in (first, second)]
    assert (taken == [True, False]) is locked


@pytest.mark.parametrize("locked", [True, False])
def test_the_second_of_two_concurrent_ends_releases_their_dependent(
    services: Services, mutate: Mutate, database: str, locked: bool
) -> None:
    if database == "sqlite":
        pytest.skip("SQLite has one writer at a time.")
    world = World(services)
    world.create("nothing")
    world.create("nothing")
    world.create("nothing", after=[0, 1])
    first, second = world.claim(), world.claim()
    assert first is not None
    assert second is not None
    if not locked:
        mutate(*ROW_LOCKS)
    other = threading.Thread(target=world.end, args=(second, ENDINGS[0]))
    with writing(services.engine) as connection:
        finish_family.end_attempt(connection, first, LOCATION, ENDINGS[0])
        other.start()
        other.join(0.3 if locked else 20)
        assert other.is_alive() is locked
    other.join()
    assert (broken(snapshot(services.engine)) == []) is locked
