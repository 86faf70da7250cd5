import os
import signal
import threading
from collections.abc import Iterator
from uuid import uuid4

import pytest

from webapp.jobs.rq_queue.next_wake_up import NextWakeUp
from webapp.jobs.rq_queue.redis_connection import connect
from webapp.jobs.rq_queue.wake_ups import WakeUps

LONG_SECONDS = 60.0


def never() -> bool:
    return False


@pytest.fixture
def queue() -> str:
    return uuid4().hex


@pytest.fixture
def next_wake_up(valkey_url: str, queue: str) -> NextWakeUp:
    return NextWakeUp(valkey_url, [queue, f"{queue}-second"], LONG_SECONDS)


@pytest.fixture
def _ended_by_signal(next_wake_up: NextWakeUp) -> Iterator[None]:
    before = signal.signal(signal.SIGUSR1, lambda *_: next_wake_up.end())
    yield
    signal.signal(signal.SIGUSR1, before)


def test_it_is_the_queue_of_the_next_wake_up_in_the_order_of_the_queues(
    next_wake_up: NextWakeUp, queue: str, valkey_url: str
) -> None:
    WakeUps(connect(valkey_url)).push(f"{queue}-second")
    WakeUps(connect(valkey_url)).push(queue)
    assert next_wake_up.wait(LONG_SECONDS, never) == queue
    assert next_wake_up.wait(LONG_SECONDS, never) == f"{queue}-second"


def test_there_is_none_after_the_time(next_wake_up: NextWakeUp) -> None:
    assert next_wake_up.wait(0.01, never) is None


def test_a_stop_before_the_wait_leaves_the_wake_up_in_redis(
    next_wake_up: NextWakeUp, queue: str, valkey_url: str
) -> None:
    wake_ups = WakeUps(connect(valkey_url))
    wake_ups.push(queue)
    assert next_wake_up.wait(LONG_SECONDS, lambda: True) is None
    assert wake_ups.waiting(queue) == 1


@pytest.mark.usefixtures("_ended_by_signal")
def test_a_signal_ends_the_wait_at_once(next_wake_up: NextWakeUp) -> None:
    timer = threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGUSR1))
    timer.start()
    assert next_wake_up.wait(LONG_SECONDS, never) is None
    timer.join()


@pytest.mark.usefixtures("_ended_by_signal")
def test_a_signal_outside_of_the_wait_changes_nothing(next_wake_up: NextWakeUp, queue: str, valkey_url: str) -> None:
    os.kill(os.getpid(), signal.SIGUSR1)
    WakeUps(connect(valkey_url)).push(queue)
    assert next_wake_up.wait(LONG_SECONDS, never) == queue


def test_there_is_none_while_redis_is_away(tmp_path: object) -> None:
    assert NextWakeUp(f"unix://{tmp_path}/nobody", ["default"], 1.0).wait(1.0, never) is None
