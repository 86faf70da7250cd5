"""The attempts of a job on its page: counted as users count them, the slices of one attempt together."""

import re
from collections.abc import Callable

from flask.testing import FlaskClient
from sqlalchemy import insert

from webapp.db.engine import writing
from webapp.jobs.model.job import EventName, Job, Status
from webapp.jobs.store import events
from webapp.schema import attempts, later
from webapp.services import Services

E = EventName


def started_and_ended(services: Services, job: Job, outcomes: list[str]) -> None:
    with writing(services.engine) as connection:
        for number, outcome in enumerate(outcomes, start=1):
            row = {"job_id": job.id, "number": number, "outcome": outcome, "worker": "w", "host": "h", "pid": number}
            times = {"started_at": later(60.0 * (number - 10)), "finished_at": later(60.0 * (number - 9))}
            connection.execute(insert(attempts).values(**row, **times, peak_memory=1024 * number, cpu_seconds=1.5))
            events.insert(
                connection, [{"job_id": job.id, "name": name, "attempt": number} for name in (E.STARTED, outcome)]
            )


def test_slices_are_one_attempt(
    services: Services, client: FlaskClient, admins: FlaskClient, put: Callable[..., Job]
) -> None:
    numbers = {"attempt": 6, "uncounted_attempts": 4, "max_attempts": 6}
    job = put(Status.FAILED, started_at=services.queries.jobs.now(), **numbers)
    outcomes = [E.CONTINUED, E.CONTINUED, E.FAILED, E.INTERRUPTED, E.CONTINUED, E.FAILED]
    started_and_ended(services, job, outcomes)
    page = client.get(f"/jobs/{job.id}").text.replace("\N{NO-BREAK SPACE}", " ")
    assert re.findall(r"<strong>(Attempt \d+)</strong>", page) == ["Attempt 1", "Attempt 2", "Attempt 2"]
    assert re.findall(r"in \d+ slices", page) == ["in 3 slices", "in 2 slices"]
    assert "ran 3 min" in page
    assert "(attempt 2 of 2)" in page
    assert re.findall(r"Attempt \d of \d started", page) == [f"Attempt {number} of 2 started" for number in (1, 2, 2)]
    assert "CPU time 4.50 s" in admins.get(f"/jobs/{job.id}").text.replace("\N{NO-BREAK SPACE}", " ")


def test_the_log_of_an_attempt_has_the_lines_of_its_slices(
    services: Services, client: FlaskClient, put: Callable[..., Job], write_log: Callable[..., None]
) -> None:
    job = put(Status.FAILED, attempt=3, uncounted_attempts=1, max_attempts=3)
    started_and_ended(services, job, [E.CONTINUED, E.FAILED, E.FAILED])
    for number, text in enumerate(("first slice", "second slice", "second attempt"), start=1):
        write_log(job, text, attempt=number)
    log = client.get(f"/jobs/{job.id}/log.txt?attempt=1").text
    assert ("first slice" in log, "second slice" in log, "second attempt" in log) == (True, True, False)
    assert 'value="2"' in client.get(f"/jobs/{job.id}").text
    assert "second attempt" in client.get(f"/jobs/{job.id}/log.txt?attempt=2").text


def test_a_poll_of_a_job_with_very_many_starts_stays_small(
    services: Services, admins: FlaskClient, put: Callable[..., Job]
) -> None:
    job = put(Status.FAILED, attempt=600, max_attempts=600)
    started_and_ended(services, job, [E.FAILED] * 600)
    poll = admins.get(f"/jobs/{job.id}/_live").text
    assert len(poll) < 100_000
    assert re.findall(r"<strong>(Attempt \d+)</strong>", poll) == [f"Attempt {number}" for number in range(581, 601)]
    assert "1,150 events are not shown" in poll
    assert "Attempt 1 of 600 started" in poll


def test_a_job_whose_handler_asked_for_another_attempt_has_not_failed(
    services: Services, client: FlaskClient, put: Callable[..., Job]
) -> None:
    numbers = {"attempt": 1, "max_attempts": 2, "run_at": services.queries.jobs.now().replace(year=2199)}
    job = put(Status.SCHEDULED, message="The bank is closed.", **numbers)
    started_and_ended(services, job, [E.RETRY_LATER])
    page = client.get(f"/jobs/{job.id}").text
    assert "Waiting for the next attempt." in page
    assert "The bank is closed." in page
    assert "Will run again" in page
    assert "attempt failed" not in page
