"""A silent clock, lost wake-ups and foreign keys in Redis are found."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from webapp.services import Services

Violations = Callable[..., dict[str, Any]]
ViolatedBy = Callable[[str], list[str]]


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        (
            "UPDATE clocks SET beat_at = '2020-01-01 00:00:00.000000'",
            "A clock sent a heartbeat within the last 15 seconds.",
        ),
        ("DELETE FROM clocks", "A clock sent a heartbeat within the last 15 seconds."),
    ],
)
def test_a_silent_clock_is_found(statement: str, rule: str, violated_by: ViolatedBy) -> None:
    assert rule in violated_by(statement)


@pytest.mark.usefixtures("database")
def test_a_queue_without_a_wake_up_is_found(
    services: Services, history: dict[str, UUID], violations: Violations
) -> None:
    services.wake_ups.connection.flushdb()
    assert violations() == {}, "a worker is busy with that queue and will see the jobs"
    services.queues.add("other")
    services.jobs.create_job("nothing", queue="other")
    services.wake_ups.connection.flushdb()
    assert violations()["Every queue with claimable jobs has a wake-up or a busy worker."][0] == 1
    services.queues.pause("other")
    assert violations() == {}


def test_a_foreign_key_in_redis_is_found(services: Services, history: dict[str, UUID], violations: Violations) -> None:
    services.wake_ups.connection.set("celery", "1")
    assert violations() == {"Redis contains only Deskjob's keys.": (1, ("celery",))}
    services.wake_ups.connection.delete("celery")
