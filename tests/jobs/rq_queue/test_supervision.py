import threading
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest

from tests.installation import PATIENCE_SECONDS, wait_for
from tests.threads import threads
from webapp.jobs.execution.leases import JobsUnderLease
from webapp.jobs.execution.watchdog import DATABASE_AWAY, Watchdog
from webapp.jobs.rq_queue import supervision
from webapp.jobs.rq_queue.supervision import HorseSupervisor


class Hanging:
    """Leases of a database that does not respond until `answers` is set."""

    def __init__(self) -> None:
        self.heartbeats = 0
        self.answers = threading.Event()

    def beat(self, _: object) -> bool:
        self.heartbeats += 1
        assert self.answers.wait(PATIENCE_SECONDS)
        return True

    def jobs_under(self, _: object) -> JobsUnderLease:
        return JobsUnderLease()


@pytest.fixture
def make_watchdog() -> Callable[..., Watchdog]:
    def make(leases: Hanging, seconds: float) -> Watchdog:
        return Watchdog(
            leases,
            uuid4(),
            lease_seconds=seconds,
            drain_grace=timedelta(0),
            timeout_of=lambda _: timedelta(0),
            grace_of=lambda _: timedelta(0),
        )

    return make


def test_a_work_horse_is_killed_while_the_database_hangs(make_watchdog: Callable[..., Watchdog]) -> None:
    leases, killed = Hanging(), threading.Event()
    watchdog = make_watchdog(leases, 0.6)
    with HorseSupervisor(watchdog, kill=killed.set, obey_request=lambda: None, heartbeat=lambda: None):
        assert killed.wait(PATIENCE_SECONDS)
        assert (leases.heartbeats, leases.answers.is_set()) == (1, False), "its heartbeat still hangs"
        leases.answers.set()
    assert watchdog.kill_reason == DATABASE_AWAY


def test_heartbeats_of_the_lease_continue_while_redis_hangs(
    make_watchdog: Callable[..., Watchdog], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "_HEARTBEAT_SECONDS", 0.01)
    leases, hangs, answers = Hanging(), threading.Event(), threading.Event()
    leases.answers.set()

    def heartbeat() -> None:
        hangs.set()
        answers.wait(PATIENCE_SECONDS)

    with HorseSupervisor(
        make_watchdog(leases, 6.0), kill=lambda: pytest.fail("killed"), obey_request=lambda: None, heartbeat=heartbeat
    ):
        assert hangs.wait(PATIENCE_SECONDS)
        heartbeats = leases.heartbeats
        wait_for(lambda: leases.heartbeats >= heartbeats + 2)
        answers.set()


def test_all_threads_have_stopped_when_the_work_horse_has_ended(make_watchdog: Callable[..., Watchdog]) -> None:
    leases = Hanging()
    leases.answers.set()
    before = threads()
    with HorseSupervisor(
        make_watchdog(leases, 30.0), kill=lambda: None, obey_request=lambda: None, heartbeat=lambda: None
    ):
        assert len(threads() - before) == 3
    assert threads() <= before
