from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from webapp.jobs.model.job import Job, Status
from webapp.jobs.model.progress import UsualRun
from webapp.jobs.model.rate import Rate
from webapp.views.text import status_text
from webapp.views.text.status_text import QueueFacts, QueuePause, RateFacts, StatusFacts

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
STARTED = NOW - timedelta(seconds=38)


def facts(status: Status, **values: Any) -> StatusFacts:
    about = {name: values.pop(name) for name in ("stopped_by", "shown_left", "slower") if name in values}
    run = UsualRun(duration=values.pop("usual", None), silence=values.pop("usual_silence", None))
    queue = {name: values.pop(name) for name in ("place", "workers", "starts_within", "pause") if name in values}
    job = Job(id=uuid4(), type="report", title="Report", status=status, **values)
    return StatusFacts(job=job, now=NOW, zone=ZoneInfo("UTC"), queue=QueueFacts(**queue), run=run, **about)


def said(status: Status, **values: Any) -> str:
    saying = status_text.status_text(facts(status, **values))
    return f"{saying.fact} {saying.hint}".strip().replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_sentence(status: Status) -> None:
    assert said(status).endswith(".")


def test_a_stuck_job_says_how_long_it_has_been_silent() -> None:
    values = {"started_at": NOW - timedelta(minutes=50), "progress": 46.0}
    stuck = said(Status.RUNNING, heartbeat_at=NOW - timedelta(minutes=40), **values)
    assert stuck == "Running for 50 min. No progress for 40 min."
    quiet = said(Status.RUNNING, heartbeat_at=NOW - timedelta(minutes=40), usual=timedelta(hours=1), **values)
    assert "No progress" not in quiet
    assert "left" not in quiet


@pytest.mark.parametrize(
    ("silent", "usual", "hint"),
    [
        (240, 2, "No progress for 4 min (usually every 2 s)."),
        (240, 0.25, "No progress for 4 min (usually every 1 s)."),
        (59, 2, "About 35 s left."),
        (240, 90, "About 2 min left."),  # three times as long is still usual
        (271, 90, "No progress for 5 min (usually every 1 min 30 s)."),
    ],
)
def test_a_job_is_stuck_if_it_is_silent_for_longer_than_its_type_usually_is(
    silent: float, usual: float, hint: str
) -> None:
    values = {"started_at": NOW - timedelta(minutes=10), "progress": 50.0 if silent > 100 else 85.0}
    said_now = said(
        Status.RUNNING,
        heartbeat_at=NOW - timedelta(seconds=silent),
        usual_silence=timedelta(seconds=usual),
        **values,
    )
    assert said_now.partition(". ")[2] == hint


def test_a_rise_of_the_time_left_is_mentioned() -> None:
    values = {"started_at": NOW - timedelta(minutes=10), "heartbeat_at": NOW, "progress": 50.0}
    shown = {minutes: timedelta(minutes=minutes) for minutes in (4, 12)}
    assert said(Status.RUNNING, **values, shown_left=shown[12]).endswith("About 11 min left.")
    raised = said(Status.RUNNING, **values, shown_left=shown[4])
    assert raised.endswith("About 10 min left, more than estimated before.")
    assert said(Status.RUNNING, **values, shown_left=shown[12], slower=True).endswith("more than estimated before.")


def test_a_running_job_says_how_long_and_how_much_longer() -> None:
    assert said(Status.RUNNING, started_at=STARTED, progress=40.0) == "Running for 38 s. About 1 min left."
    unknown = said(Status.RUNNING, started_at=STARTED)
    assert unknown == "Running for 38 s."
    usual = said(Status.RUNNING, started_at=STARTED, usual=timedelta(seconds=36))
    assert usual == "Running for 38 s. Usually takes 35 s."
    late = said(Status.RUNNING, started_at=STARTED, usual=timedelta(seconds=18))
    assert late == "Running for 38 s. Taking longer than usual (usually 20 s)."


def test_a_job_is_late_only_well_above_its_usual_duration() -> None:
    quick = timedelta(milliseconds=59)
    begun = {seconds: NOW - timedelta(seconds=seconds) for seconds in (1, 10, 11)}
    assert said(Status.RUNNING, started_at=begun[1], usual=quick) == "Running for 1 s. Usually takes less than 5 s."
    assert said(Status.RUNNING, started_at=begun[10], usual=quick) == "Running for 10 s. Usually takes less than 5 s."
    late = said(Status.RUNNING, started_at=begun[11], usual=quick)
    assert late == "Running for 11 s. Taking longer than usual (usually less than 5 s)."
    assert said(Status.RUNNING, started_at=STARTED, usual=timedelta(seconds=20)).endswith("Usually takes 20 s.")


def test_a_short_time_left_is_shown_as_less_than_5_s() -> None:
    assert said(Status.RUNNING, started_at=STARTED, progress=95.0) == "Running for 38 s. Less than 5 s left."


def test_no_time_is_estimated_in_the_first_seconds() -> None:
    assert said(Status.RUNNING, started_at=NOW - timedelta(seconds=2), progress=50.0) == "Running for 2 s."


def test_a_waiting_job_says_its_place() -> None:
    assert said(Status.QUEUED, place=1) == "Next in the queue."
    assert said(Status.QUEUED, place=3, workers=2) == "3rd in the queue."
    assert said(Status.QUEUED, place=1001) == "More than 1,000 jobs are ahead of this one."


def test_a_waiting_job_says_that_no_worker_is_running() -> None:
    assert said(Status.QUEUED, place=1, workers=0).startswith("No worker is running for this job type.")


def test_a_waiting_job_says_when_it_usually_starts() -> None:
    soon = timedelta(seconds=42)
    assert said(Status.QUEUED, place=3, workers=2, starts_within=soon) == (
        "3rd in the queue. Usually starts within 1 min."
    )
    assert said(Status.QUEUED, place=1, workers=2, usual=timedelta(minutes=2)) == (
        "Next in the queue. Usually takes 2 min once it starts."
    )


def test_a_paused_queue_says_by_whom_since_when_and_why() -> None:
    pause = QueuePause(by="an operator", since=NOW - timedelta(hours=3), reason="moving the database")
    assert said(Status.QUEUED, place=1, workers=2, pause=pause) == (
        "Queue paused by an operator, today, 09:00: moving the database. It will start when the queue is resumed."
    )


def test_the_time_left_does_not_jump() -> None:
    half = {"started_at": NOW - timedelta(seconds=100), "progress": 50.0}
    assert "About 2 min left." in said(Status.RUNNING, **half)
    told = status_text.time_left(facts(Status.RUNNING, shown_left=timedelta(seconds=90), **half))
    assert told == timedelta(seconds=90)
    assert status_text.time_left(facts(Status.RUNNING, shown_left=timedelta(seconds=80), **half)).total_seconds() == 100
    assert (
        status_text.time_left(facts(Status.RUNNING, shown_left=timedelta(seconds=200), **half)).total_seconds() == 150
    )


def test_a_root_says_how_many_children_it_waits_for() -> None:
    waits = said(Status.WAITING, parts=5, parts_completed=1, parts_failed=1, parts_cancelled=0)
    assert waits.startswith("Waiting for 3 child jobs.")


def test_a_retry_names_the_failed_attempt_and_the_next_start() -> None:
    due = NOW + timedelta(seconds=30)
    assert said(Status.SCHEDULED, attempt=1, max_attempts=3, run_at=due) == (
        "Attempt 1 of 3 failed. The next attempt starts in 30 s."
    )


def test_an_overdue_job_starts_any_moment() -> None:
    assert said(Status.SCHEDULED, run_at=NOW - timedelta(seconds=1)).startswith("Starts any moment now.")


def test_interrupted_attempts_do_not_count_against_the_maximum() -> None:
    assert said(Status.RUNNING, attempt=4, max_attempts=3, started_at=STARTED) == "Running for 38 s (attempt 4)."


def test_a_finished_job_says_how_long_it_took() -> None:
    ended = {"started_at": NOW - timedelta(seconds=52), "finished_at": NOW}
    assert said(Status.COMPLETED, **ended) == "Finished in 52 s."
    assert said(Status.COMPLETED, warnings=({"text": "a"},), **ended) == "Finished in 52 s with 1 warning."
    assert said(Status.FAILED, **ended) == "Failed after 52 s."
    assert said(Status.FAILED, attempt=3, max_attempts=3, **ended) == "Failed after 52 s (attempt 3 of 3)."
    assert said(Status.FAILED, finished_at=NOW) == "Failed before it started."


def test_a_stopped_job_says_who_stopped_it_and_its_progress() -> None:
    ended = {"started_at": NOW - timedelta(seconds=52), "finished_at": NOW}
    assert said(Status.CANCELLED, progress=40.0, stopped_by="Ana Ruiz", **ended) == "Stopped by Ana Ruiz at 40 %."
    assert said(Status.CANCELLED, **ended) == "Stopped after 52 s."
    assert said(Status.CANCELLED, finished_at=NOW) == "Stopped before it started."
    assert "did not stop in time" in said(Status.CANCELLED, cancel_kind="forced", **ended)


def test_a_job_over_its_rate_says_when_it_may_start() -> None:
    rate = Rate(100, timedelta(hours=1))
    waiting = facts(Status.SCHEDULED, rate_key="mail")
    said_at = {
        at: status_text.status_text(replace(waiting, rate=RateFacts(rate=rate, starts_at=at))).fact
        for at in (None, NOW, NOW + timedelta(minutes=12))
    }
    assert [text.replace("\N{NO-BREAK SPACE}", " ") for text in said_at.values()] == [
        "It waits for its turn: 100 per hour of this type.",
        "May start any moment now: 100 per hour of this type.",
        "May start in 12 min: 100 per hour of this type.",
    ]
    assert status_text.status_text(waiting).fact == "It waits for its turn: the rate of its type."
