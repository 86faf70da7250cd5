from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from flask import Flask

from webapp.jobs.monitoring.snapshot import Capacity, HealthSnapshot, LongestWait
from webapp.jobs.monitoring.workers import Worker
from webapp.views.admin.problems import RecentOutcomes, find_problems

QUIET = RecentOutcomes(ended=0, failed=0)
LISTENS = Worker(name="w", host="h", pid=1, queues=("default",), state="idle", silent_for=timedelta(seconds=2))
WELL = HealthSnapshot(
    at=datetime(2026, 11, 26, 12, tzinfo=UTC),
    running=0,
    waiting=1,
    waiting_queues=("default",),
    paused_queues=(),
    longest_wait=None,
    workers=(LISTENS,),
    redis=Capacity(used=10, total=100),
    disk=Capacity(used=10, total=100),
    clock_silent_for=timedelta(seconds=3),
)


@pytest.fixture(autouse=True)
def words(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        yield


def facts(found: HealthSnapshot, recent: RecentOutcomes = QUIET) -> list[tuple[str, str]]:
    return [(problem.tone, problem.title) for problem in find_problems(found, recent)]


def test_when_all_is_well_nothing_is_said() -> None:
    assert facts(WELL) == []


@pytest.mark.parametrize(
    ("change", "tone", "title"),
    [
        ({"redis": None}, "failed", "Redis is not responding."),
        ({"redis": Capacity(used=90, total=100)}, "attention", "Redis is 90% full."),
        ({"disk": Capacity(used=96, total=100)}, "failed", "The disk that stores job files is 96% full."),
        ({"clock_silent_for": None}, "failed", "The scheduler has never run."),
        (
            {"clock_silent_for": timedelta(minutes=2)},
            "failed",
            "The scheduler has been silent for 2\N{NO-BREAK SPACE}min.",
        ),
        ({"workers": ()}, "failed", "No worker listens to the queue default."),
        ({"paused_queues": ("slow",)}, "attention", "The queue slow is paused."),
        (
            {"oldest": LongestWait(job_id=uuid4(), queue="default", waited=timedelta(minutes=30))},
            "attention",
            "A job has been waiting for 30\N{NO-BREAK SPACE}min.",
        ),
        (
            {"workers": (replace(LISTENS, silent_for=timedelta(minutes=5)),)},
            "attention",
            "The worker w is not responding.",
        ),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, object], tone: str, title: str) -> None:
    assert facts(replace(WELL, **change)) == [(tone, title)]


def test_a_redis_without_a_limit_is_never_full() -> None:
    assert facts(replace(WELL, redis=Capacity(used=10**12, total=0))) == []


def test_a_paused_queue_needs_no_worker() -> None:
    assert facts(replace(WELL, workers=(), paused_queues=("default",))) == [
        ("attention", "The queue default is paused.")
    ]


@pytest.mark.parametrize(
    ("ended", "failed", "tone"), [(19, 19, None), (100, 19, None), (100, 20, "attention"), (100, 50, "failed")]
)
def test_many_failures_are_a_problem(ended: int, failed: int, tone: str | None) -> None:
    found = facts(WELL, RecentOutcomes(ended=ended, failed=failed))
    assert [problem[0] for problem in found] == ([tone] if tone else [])


def test_the_worst_comes_first() -> None:
    found = facts(replace(WELL, paused_queues=("slow",), redis=None))
    assert [tone for tone, _ in found] == ["failed", "attention"]
