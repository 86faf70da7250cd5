import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from tests.jobs.conftest import end
from tests.jobs.statements import recorded
from tests.threads import threads
from webapp.db.engine import writing
from webapp.jobs.execution import reporter as module
from webapp.jobs.execution.reporter import INTERVAL_SECONDS, LOG_LIMIT, JobCancelled, Reporter
from webapp.jobs.model.diagnostics import MAX_DIAGNOSTICS
from webapp.jobs.model.job import Job, Status
from webapp.jobs.store.fence import LeaseLost
from webapp.schema import jobs, now
from webapp.services import Services

PATIENCE_SECONDS = 60.0  # on a machine under load; usually well under two seconds pass


@pytest.fixture
def job(running: Callable[..., Job]) -> Job:
    return running()


@pytest.fixture
def reporter(services: Services, job: Job) -> Iterator[Reporter]:
    reporter = Reporter(services.engine, job)
    yield reporter
    reporter.close()


def eventually(fact: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if fact():
            return True
        time.sleep(0.02)
    return False


def ask_to_stop(services: Services, job: Job) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(cancel_requested_at=now()))


def test_a_thousand_reports_cause_at_most_one_write_per_interval(
    services: Services, job: Job, reporter: Reporter
) -> None:
    began = time.monotonic()
    with recorded(services.engine) as sent:
        for number in range(1000):
            reporter.set_values(progress=number / 10)
            time.sleep(0.001)
    intervals = (time.monotonic() - began) / INTERVAL_SECONDS
    updates = [statement for statement, _ in sent if statement.startswith("UPDATE jobs")]
    assert 1 <= len(updates) <= intervals + 1


def test_the_first_report_starts_the_thread(services: Services, job: Job, reporter: Reporter) -> None:
    before = threads()
    with recorded(services.engine) as sent:
        time.sleep(2 * INTERVAL_SECONDS)
    assert sent == []
    assert threads() <= before


def test_the_last_report_of_a_busy_handler_is_written(services: Services, job: Job, reporter: Reporter) -> None:
    reporter.set_values(message="Waiting for the other side")
    assert eventually(lambda: services.jobs.get(job.id).message == "Waiting for the other side")


def test_close_returns_the_last_reports(services: Services, job: Job) -> None:
    reporter = Reporter(services.engine, job)
    reporter.set_values(progress=99.0)
    reporter.log("INFO", "nearly")
    words, lines = reporter.close()
    assert words == {"progress": 99.0}
    assert [(level, text) for _, level, text in lines] == [("INFO", "nearly")]


def test_a_handler_without_reports_sees_a_request_to_stop(services: Services, job: Job, reporter: Reporter) -> None:
    reporter.watch_stop_flag()
    ask_to_stop(services, job)
    assert eventually(lambda: isinstance(reporter.stop, JobCancelled))


def test_a_write_reads_the_request_to_stop(services: Services, job: Job, reporter: Reporter) -> None:
    ask_to_stop(services, job)
    reporter.set_values(message="on")
    reporter.flush()
    assert isinstance(reporter.stop, JobCancelled)


def test_a_lost_lease_stops_the_handler(services: Services, job: Job, reporter: Reporter) -> None:
    end(services, job, Status.QUEUED, outcome="lost")
    reporter.set_values(message="late")
    assert eventually(lambda: isinstance(reporter.stop, LeaseLost))
    with pytest.raises(LeaseLost):
        reporter.flush()
    assert services.jobs.get(job.id).message == ""


def test_diagnostics_beyond_the_limit_are_counted_in_the_last_one(
    services: Services, job: Job, reporter: Reporter
) -> None:
    for number in range(MAX_DIAGNOSTICS + 41):
        reporter.add_diagnostic("warnings", f"warning {number}")
    reporter.flush()
    warnings = services.jobs.get(job.id).warnings
    assert len(warnings) == MAX_DIAGNOSTICS
    assert warnings[0]["text"] == "warning 0"
    assert warnings[-1]["text"] == "… and 42 more."


def test_warnings_and_errors_are_separate_and_have_a_time(services: Services, job: Job, reporter: Reporter) -> None:
    reporter.add_diagnostic("warnings", "odd")
    reporter.add_diagnostic("errors", "bad")
    reporter.flush()
    after = services.jobs.get(job.id)
    assert ([note["text"] for note in after.warnings], [note["text"] for note in after.errors]) == (["odd"], ["bad"])
    assert after.started_at.isoformat() <= after.warnings[0]["at"] <= services.queries.jobs.now().isoformat()


def test_log_lines_are_stored_in_order(services: Services, job: Job, reporter: Reporter) -> None:
    for number in range(5):
        reporter.log("INFO", f"line {number}")
    reporter.flush()
    lines = services.queries.logs.log(job.id)
    assert [line.text for line in lines] == [f"line {number}" for number in range(5)]
    assert {line.attempt for line in lines} == {1}
    assert services.queries.logs.log(job.id, after=lines[2].id) == lines[3:]


def test_the_last_line_of_a_full_log_says_that_it_is_full(services: Services, job: Job, reporter: Reporter) -> None:
    for number in range(LOG_LIMIT + 500):
        reporter.log("INFO", f"line {number}")
    reporter.flush()
    lines = services.queries.logs.log(job.id, limit=2 * LOG_LIMIT)
    assert len(lines) == LOG_LIMIT
    assert "The log is full" in lines[-1].text


def reporter_time(services: Services, job: Job) -> datetime:
    reporter = Reporter(services.engine, job)
    reporter.close()
    return reporter.now()


def test_the_reporter_uses_the_time_of_the_database(services: Services, job: Job, reporter: Reporter) -> None:
    assert abs(reporter.now() - services.queries.jobs.now()) < timedelta(hours=1)
    ahead = replace(job, heartbeat_at=job.heartbeat_at + timedelta(days=1))  # a database whose clock is a day ahead
    assert reporter_time(services, ahead) - services.queries.jobs.now() > timedelta(hours=23)


def test_reports_are_written_when_the_database_is_back(
    services: Services, job: Job, reporter: Reporter, database: str
) -> None:
    reporter.set_values(message="kept")
    reporter.log("INFO", "kept too")
    with writing(services.engine) as connection:
        connection.exec_driver_sql("ALTER TABLE jobs RENAME TO away")
    time.sleep(2 * INTERVAL_SECONDS)
    assert reporter.stop is None
    with writing(services.engine) as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO jobs")
    assert eventually(lambda: services.jobs.get(job.id).message == "kept")
    assert [line.text for line in services.queries.logs.log(job.id)] == ["kept too"]


@pytest.mark.parametrize("words", [{"metadata": {"no json": object()}}, {"no_such_column": 1}])
def test_an_unstorable_report_raises_in_the_handler_and_the_others_are_written(
    services: Services, job: Job, reporter: Reporter, words: dict[str, object]
) -> None:
    reporter.set_values(**words)
    assert eventually(lambda: isinstance(reporter.stop, Exception))
    reporter.set_values(message="still here")
    assert eventually(lambda: services.jobs.get(job.id).message == "still here")


@pytest.mark.parametrize(("text", "shown"), [("a\0b", "a\u2400b"), ("a\ud800b", "a\ufffdb")])
def test_unstorable_characters_are_replaced(
    services: Services, job: Job, reporter: Reporter, database: str, text: str, shown: str
) -> None:
    reporter.set_values(message=text)
    reporter.add_diagnostic("warnings", text)
    reporter.log("INFO", text)
    reporter.flush()
    after = services.jobs.get(job.id)
    (line,) = services.queries.logs.log(job.id)
    assert {after.message, after.warnings[0]["text"], line.text} == {shown}


def test_the_interval_is_short_enough_for_live_updates() -> None:
    assert module.INTERVAL_SECONDS <= 0.25


def test_an_item_that_takes_long_does_not_count_as_a_report(services: Services, job: Job, reporter: Reporter) -> None:
    amounts = {"done": 1.0, "total": 3.0, "progress": 33.0}
    reporter.live_amount = lambda: amounts
    reporter.flush()
    before = services.jobs.get(job.id)
    reporter.flush()
    assert services.jobs.get(job.id) == before
    amounts = {**amounts, "done": 2.0}
    reporter.flush()
    assert services.jobs.get(job.id).done == 2


def test_the_longest_silence_lies_between_two_reports(
    job: Job, reporter: Reporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at, expected in ((3, 3), (10, 7), (12, 7)):
        monkeypatch.setattr(module, "monotonic", lambda at=at: reporter.started + at)
        reporter.set_values(progress=float(at))
        reporter.flush()
        assert reporter.longest_silence() == pytest.approx(expected)
    monkeypatch.setattr(module, "monotonic", lambda: reporter.started + 30)
    reporter.flush()  # without a report
    assert reporter.longest_silence() == pytest.approx(18)
