from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from flask import Flask

from tests.wrong_clock import BOTH_WAYS, wrong_clock
from webapp.jobs.monitoring.snapshot import Capacity, HealthSnapshot, LongestWait, SilentJob
from webapp.jobs.monitoring.workers import Worker
from webapp.services import Services
from webapp.views.admin.problems import RecentOutcomes, find_problems

NO_JOBS = RecentOutcomes(ended=0, failed=0)
WORKER = Worker(name="w", host="h", pid=1, queues=("default",), state="idle", silent_for=timedelta(seconds=2))
HEALTHY = HealthSnapshot(
    at=datetime(2026, 11, 26, 12, tzinfo=UTC),
    running=0,
    running_outside=0,
    waiting=1,
    waiting_queues=("default",),
    paused_queues=(),
    longest_wait=None,
    workers=(WORKER,),
    redis=Capacity(used=10, total=100),
    disk=Capacity(used=10, total=100),
    clock_silent_for=timedelta(seconds=3),
)


@pytest.fixture(autouse=True)
def request_context(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        yield


def titles(health: HealthSnapshot, recent: RecentOutcomes = NO_JOBS) -> list[tuple[str, str]]:
    return [(problem.tone, problem.title) for problem in find_problems(health, recent)]


def test_a_healthy_installation_has_no_problems() -> None:
    assert titles(HEALTHY) == []


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
        (
            {"silent_jobs": (SilentJob(job_id=uuid4(), title="Crawl", silent_for=timedelta(hours=3)),)},
            "attention",
            "1 running job has reported nothing for 3\N{NO-BREAK SPACE}h.",
        ),
        ({"paused_queues": ("slow",)}, "attention", "The queue slow is paused."),
        (
            {"longest_wait": LongestWait(job_id=uuid4(), queue="default", waited=timedelta(minutes=30))},
            "attention",
            "A job has been waiting for 30\N{NO-BREAK SPACE}min.",
        ),
        (
            {"workers": (replace(WORKER, silent_for=timedelta(minutes=5)),)},
            "attention",
            "The worker w is not responding.",
        ),
    ],
)
def test_each_problem_has_a_title_and_a_severity(change: dict[str, object], tone: str, title: str) -> None:
    assert titles(replace(HEALTHY, **change)) == [(tone, title)]


def test_redis_without_a_memory_limit_is_never_full() -> None:
    assert titles(replace(HEALTHY, redis=Capacity(used=10**12, total=0))) == []


def test_a_paused_queue_needs_no_worker() -> None:
    assert titles(replace(HEALTHY, workers=(), paused_queues=("default",))) == [
        ("attention", "The queue default is paused.")
    ]


@pytest.mark.parametrize(
    ("ended", "failed", "tone"), [(19, 19, None), (100, 19, None), (100, 20, "attention"), (100, 50, "failed")]
)
def test_a_large_share_of_failures_is_a_problem(ended: int, failed: int, tone: str | None) -> None:
    found = titles(HEALTHY, RecentOutcomes(ended=ended, failed=failed))
    assert [problem[0] for problem in found] == ([tone] if tone else [])


def test_the_most_severe_problem_comes_first() -> None:
    found = titles(replace(HEALTHY, paused_queues=("slow",), redis=None))
    assert [tone for tone, _ in found] == ["failed", "attention"]


@pytest.mark.parametrize(("hours", "where"), [(1, "ahead of"), (-1, "behind")])
def test_a_wrong_clock_of_the_web_server_is_named(hours: int, where: str) -> None:
    [(tone, title)] = titles(replace(HEALTHY, clock_skew=timedelta(hours=hours)))
    assert tone == "attention"
    assert title == f"The clock of this web server is 1\N{NO-BREAK SPACE}h {where} that of the database."
    assert titles(replace(HEALTHY, clock_skew=timedelta(seconds=hours * 29))) == []


@BOTH_WAYS
def test_the_overview_measures_the_clock(services: Services, by: timedelta) -> None:
    with wrong_clock(by):
        found = find_problems(services.health_check.take_snapshot(), NO_JOBS)
    assert any("The clock of this web server is" in problem.title for problem in found)
