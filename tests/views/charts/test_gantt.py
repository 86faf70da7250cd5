"""Bars of jobs on one time scale."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from flask import Flask

from webapp.jobs.model.job import SYSTEM, Job, Status
from webapp.views.charts.gantt import GanttBar, gantt_axis, gantt_bar

NOW = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)


def at(minute: int) -> datetime:
    return NOW + timedelta(minutes=minute)


def job(status: Status, **values: object) -> Job:
    made = Job(id=uuid4(), type="part", title="Part", owner=SYSTEM, status=status, created_at=at(0))
    return replace(made, **values)  # type: ignore[arg-type]


def bars(app: Flask, *children: Job, minute: int = 100) -> list[GanttBar]:
    root = job(Status.WAITING, started_at=at(0))
    with app.test_request_context():
        axis = gantt_axis(root, children, at(minute), ZoneInfo("UTC"))
        return [gantt_bar(child, axis, at(minute)) for child in children]


def test_a_bar_shows_the_wait_and_the_run(app: Flask) -> None:
    (bar,) = bars(app, job(Status.COMPLETED, started_at=at(20), finished_at=at(50)))
    assert (bar.wait_x, bar.wait_width, bar.x, bar.width) == (0, 20, 20, 30)
    assert bar.description.replace("\N{NO-BREAK SPACE}", " ") == "waited 20 min, ran 30 min"


def test_a_running_job_reaches_the_end_and_a_waiting_one_has_no_run(app: Flask) -> None:
    running, waiting = bars(app, job(Status.RUNNING, started_at=at(60)), job(Status.QUEUED))
    assert (running.x, running.width) == (60, 40)
    assert (waiting.wait_width, waiting.width) == (100, 0)


def test_a_short_run_is_visible_and_within_the_picture(app: Flask) -> None:
    (bar,) = bars(app, job(Status.COMPLETED, started_at=at(100), finished_at=at(100)))
    assert bar.width > 0
    assert bar.x + bar.width == 100


def test_a_child_that_ended_after_its_root_is_on_the_scale(app: Flask) -> None:
    root = job(Status.FAILED, started_at=at(0), finished_at=at(10))
    child = job(Status.COMPLETED, started_at=at(10), finished_at=at(40))
    with app.test_request_context():
        assert gantt_axis(root, [child], at(100), ZoneInfo("UTC")).scale.end == at(40)
