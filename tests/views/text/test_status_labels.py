from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from webapp.jobs.model.job import Job, Status
from webapp.views.text import status_labels

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def job(status: Status, **values: Any) -> Job:
    return Job(id=uuid4(), type="report", title="Report", status=status, **values)


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_word(status: Status) -> None:
    assert status_labels.status_label(job(status)).word


def test_labels_show_retries_stops_and_warnings() -> None:
    assert status_labels.status_label(job(Status.SCHEDULED, attempt=1)).word == "Retrying"
    assert status_labels.status_label(job(Status.RUNNING, cancel_requested_at=NOW)).word == "Stopping"
    assert status_labels.status_label(job(Status.COMPLETED, warnings=({"text": "!"},))).word == "Done with warnings"
    assert status_labels.status_label(job(Status.CANCELLED, cancel_requested_at=NOW)).word == "Stopped"


def test_an_unknown_total_has_no_percentage() -> None:
    unknown = job(Status.RUNNING, done=1204, progress=61.6)
    assert status_labels.percent(unknown) is None
    assert status_labels.progress_amounts(unknown) == "1,204 so far"
    assert status_labels.percent(replace(unknown, total=2408.0)) == 61.6
    assert status_labels.progress_amounts(replace(unknown, total=2408.0)) == "1,204 of 2,408"
    assert status_labels.percent(replace(unknown, done=None)) == 61.6


def test_a_running_job_never_shows_100_percent() -> None:
    counted = job(Status.RUNNING, done=200, total=200, progress=100.0)
    assert status_labels.percent(counted) == 99.0, "its files are still to be kept"
    assert status_labels.percent(replace(counted, status=Status.COMPLETED)) == 100.0


def test_the_jobs_own_message_comes_before_its_numbers() -> None:
    assert status_labels.progress_amounts(job(Status.RUNNING, done=1, total=2, message="Reading")) == "Reading"


def test_only_a_job_in_its_first_seconds_has_just_started() -> None:
    silent = job(Status.RUNNING, started_at=NOW)
    assert status_labels.progress_summary(silent, NOW + timedelta(seconds=2)) == "Just started"
    assert status_labels.progress_summary(silent, NOW + timedelta(hours=2)) == "No progress reported"
    assert not status_labels.progress_summary(replace(silent, progress=40.0), NOW), "the number beside it says enough"


def test_a_job_that_waits_for_children_counts_the_finished_ones() -> None:
    parent = job(Status.WAITING, started_at=NOW, parts=4, parts_completed=1, parts_failed=1, progress=50.0)
    assert status_labels.appears_running(parent)
    assert status_labels.progress_summary(parent, NOW) == "2 of 4 child jobs"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (12, "12th"),
        (13, "13th"),
        (22, "22nd"),
        (111, "111th"),
    ],
)
def test_places_are_ordinal_numbers(number: int, text: str) -> None:
    assert status_labels.ordinal(number) == text
