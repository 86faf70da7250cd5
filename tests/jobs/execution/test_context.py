import csv
import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import repeat
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from tests.installation import wait_for
from tests.jobs.conftest import end
from tests.stored_files import everything, stored_path
from webapp.db.engine import writing
from webapp.jobs.execution.context import STATE_LIMIT, JobContext, StateTooLarge
from webapp.jobs.execution.reporter import JobCancelled, Reporter
from webapp.jobs.model.job import Job, Status
from webapp.jobs.store.fence import LeaseLost
from webapp.schema import jobs, now
from webapp.services import Services

REPORTS: dict[str, Callable[[JobContext], object]] = {
    "progress": lambda job: job.progress(1),
    "progress from amounts": lambda job: job.progress(done=1, total=2),
    "message": lambda job: job.message("on"),
    "track": lambda job: list(job.track(range(3))),
    "warn": lambda job: job.warn("odd"),
    "error": lambda job: job.error("bad"),
    "save_state": lambda job: job.save_state({}),
    "save_metadata": lambda job: job.save_metadata({}),
}


@pytest.fixture
def job(running: Callable[..., Job]) -> Job:
    return running()


@pytest.fixture
def reporter(services: Services, job: Job) -> Iterator[Reporter]:
    reporter = Reporter(services.engine, job)
    yield reporter
    reporter.close()


@pytest.fixture
def context(services: Services, job: Job, reporter: Reporter) -> JobContext:
    return JobContext(job, reporter, services.files, inputs={}, keep_files=timedelta(days=1), creator=services.jobs)


@pytest.fixture
def written(services: Services, job: Job, reporter: Reporter) -> Callable[[], Job]:
    """Write the pending reports and return the job as it is then stored."""

    def written() -> Job:
        reporter.flush()
        return services.jobs.get(job.id)

    return written


def stop(services: Services, reporter: Reporter, job: Job) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(cancel_requested_at=now()))
    reporter.flush()


def test_progress_and_message_are_written_to_the_row(context: JobContext, written: Callable[[], Job]) -> None:
    context.progress(42.5, message="Reading")
    after = written()
    assert (after.progress, after.message) == (42.5, "Reading")


def test_amounts_are_written_with_the_progress(context: JobContext, written: Callable[[], Job]) -> None:
    context.progress(done=1, total=4, message="One of four")
    after = written()
    assert (after.progress, after.done, after.total, after.message) == (25.0, 1, 4, "One of four")


def test_progress_never_decreases(context: JobContext, written: Callable[[], Job]) -> None:
    context.progress(60)
    context.progress(done=1, total=4)
    assert written().progress == 60.0
    context.progress(10)
    assert written().progress == 60.0


@pytest.mark.parametrize("percent", [-1, 100.5, float("nan")])
def test_progress_outside_0_to_100_is_rejected(context: JobContext, percent: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 100 per cent"):
        context.progress(percent)


def test_a_message_stays_until_the_next_one(context: JobContext, written: Callable[[], Job]) -> None:
    context.message("Reading")
    context.progress(5)
    assert written().message == "Reading"


@pytest.mark.parametrize("report", REPORTS)
def test_every_report_raises_after_a_request_to_stop(
    services: Services, context: JobContext, reporter: Reporter, job: Job, report: str
) -> None:
    stop(services, reporter, job)
    assert context.stop_requested
    with pytest.raises(JobCancelled):
        REPORTS[report](context)


def test_except_exception_does_not_catch_a_request_to_stop() -> None:
    assert not issubclass(JobCancelled, Exception)


def test_stop_requested_becomes_true_without_a_report(services: Services, context: JobContext, job: Job) -> None:
    assert not context.stop_requested
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(cancel_requested_at=now()))
    wait_for(lambda: context.stop_requested)


def test_track_yields_the_items_and_counts_them(context: JobContext, written: Callable[[], Job]) -> None:
    assert list(context.track("abc")) == ["a", "b", "c"]
    after = written()
    assert (after.progress, after.done, after.total) == (100.0, 3, 3)


def test_track_reports_progress_between_items(context: JobContext, written: Callable[[], Job]) -> None:
    seen = [written() for item in context.track(range(4)) if item == 2]
    assert (seen[0].progress, seen[0].done, seen[0].total) == (50.0, 2, 4)


def test_track_with_an_unknown_total_grows_logarithmically(context: JobContext, written: Callable[[], Job]) -> None:
    for _ in context.track(iter_of(99)):
        pass
    after = written()
    assert (after.progress, after.done, after.total) == (40.0, 99, None)


def iter_of(count: int) -> Iterator[int]:
    yield from range(count)


def test_track_uses_the_given_total(context: JobContext, written: Callable[[], Job]) -> None:
    for _ in context.track(iter_of(5), total=20):
        pass
    after = written()
    assert (after.progress, after.done, after.total) == (25.0, 5, 20)


def test_track_reports_its_count_when_the_loop_is_left_early(context: JobContext, written: Callable[[], Job]) -> None:
    for item in context.track(range(4)):
        if item == 2:
            break
    after = written()
    assert (after.done, after.total) == (2, 4)
    context.progress(done=9, total=10)
    assert (written().done, written().progress) == (9, 90.0)


def test_track_accepts_an_empty_iterable(context: JobContext, written: Callable[[], Job]) -> None:
    assert list(context.track([])) == []
    assert written().progress == 0.0


def test_a_nested_track_does_not_change_the_amounts_of_the_outer_one(
    context: JobContext, written: Callable[[], Job]
) -> None:
    for _ in context.track(range(4)):
        for _ in context.track(repeat(None, 50)):
            pass
    after = written()
    assert (after.done, after.total) == (4, 4)


def test_warnings_and_errors_do_not_end_the_job(context: JobContext, written: Callable[[], Job]) -> None:
    context.warn("Row 3 has no date.")
    context.error("Row 4 cannot be read.")
    after = written()
    assert after.is_running
    assert after.warnings[0]["text"] == "Row 3 has no date."
    assert after.errors[0]["text"] == "Row 4 cannot be read."


def test_the_lines_of_the_logger_are_written_to_the_jobs_log(
    services: Services, context: JobContext, written: Callable[[], Job], job: Job
) -> None:
    context.logger.info("read %s rows", 7)
    try:
        raise RuntimeError("broken")  # noqa: TRY301
    except RuntimeError:
        context.logger.exception("it broke")
    written()
    first, second = services.queries.logs.log(job.id)
    assert (first.level, first.text) == ("INFO", "read 7 rows")
    assert second.level == "ERROR"
    assert "RuntimeError: broken" in second.text


def test_a_very_long_line_is_cut(services: Services, context: JobContext, written: Callable[[], Job], job: Job) -> None:
    context.logger.info("x" * 100_000)
    written()
    assert len(services.queries.logs.log(job.id)[0].text) == 8192


def test_a_checkpoint_is_written_immediately(services: Services, context: JobContext, job: Job) -> None:
    context.state["row"] = 7
    context.save_state()
    assert services.jobs.get(job.id).state == {"row": 7}
    context.save_state({"row": 8})
    assert services.jobs.get(job.id).state == {"row": 8} == context.state


def test_the_size_of_a_checkpoint_is_limited(services: Services, context: JobContext, job: Job) -> None:
    with pytest.raises(StateTooLarge, match=f"at most {STATE_LIMIT} bytes"):
        context.save_state({"rows": "x" * STATE_LIMIT})
    assert services.jobs.get(job.id).state == {}


def test_a_checkpoint_with_unstorable_characters_is_stored_in_every_database(
    services: Services, context: JobContext, job: Job, database: str
) -> None:
    context.save_state({"name": "a\0b\udcff"})
    assert services.jobs.get(job.id).state == {"name": "a\ufffdb\ufffd"}


@pytest.mark.parametrize("value", [object(), float("nan")])
def test_a_value_that_is_not_json_is_rejected_by_the_report(context: JobContext, value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        context.save_state({"value": value})
    with pytest.raises((TypeError, ValueError)):
        context.save_metadata({"value": value})


def test_metadata_belongs_to_the_application(context: JobContext, written: Callable[[], Job], database: str) -> None:
    context.save_metadata({"invoice": 7})
    assert written().metadata == {"invoice": 7}


def files_on_disk(services: Services) -> list[str]:
    return sorted(path.name for path in everything(services.files))


def test_an_attachment_appears_when_its_block_ends(
    services: Services, context: JobContext, job: Job, database: str
) -> None:
    with context.open_attachment("report.csv") as file:
        text = io.TextIOWrapper(file, newline="", write_through=True)
        csv.writer(text).writerows([["a", "b"], ["1", "2"]])
        assert services.jobs.attachments(job.id) == ()
    (left,) = services.jobs.attachments(job.id)
    assert (left.name, left.role, left.media_type, left.size) == ("report.csv", "output", "text/csv", 10)
    assert stored_path(services.files, left.id).read_bytes() == b"a,b\r\n1,2\r\n"
    assert services.jobs.get(job.id).version > job.version, "so that pages see it"


def test_an_attachment_whose_block_raises_does_not_appear(services: Services, context: JobContext, job: Job) -> None:
    with pytest.raises(RuntimeError, match="half way"), context.open_attachment("report.csv") as file:
        file.write(b"x" * 100_000)
        raise RuntimeError("half way")
    assert services.jobs.attachments(job.id) == ()
    assert files_on_disk(services) == []


def test_a_newer_attachment_replaces_the_older_one_of_its_name(
    services: Services, context: JobContext, job: Job, database: str
) -> None:
    context.attach("other.txt", b"other")
    context.attach("report.txt", b"one")
    older = services.jobs.attachments(job.id)[1]
    with pytest.raises(RuntimeError), context.open_attachment("report.txt") as file:
        file.write(b"broken")
        raise RuntimeError
    assert older in services.jobs.attachments(job.id)
    with context.open_attachment("report.txt") as file:
        file.write(b"two")
    other, newer = services.queries.files.all_attachments(job.id)
    assert (other.name, newer.name, newer.size) == ("other.txt", "report.txt", 3)
    assert newer.id != older.id
    with pytest.raises(FileNotFoundError):
        services.files.open(older.id)
    [event] = [event for event in services.queries.jobs.timeline(job.id) if event.name == "file_replaced"]
    assert event.detail == "report.txt"


def test_bytes_and_streams_can_be_attached(services: Services, context: JobContext, job: Job) -> None:
    context.attach("a.txt", b"abc")
    context.attach("b.bin", io.BytesIO(b"x" * 200_000), media_type="application/x-thing")
    first, second = services.jobs.attachments(job.id)
    assert (first.name, first.size, first.media_type) == ("a.txt", 3, "text/plain")
    assert (second.name, second.size, second.media_type) == ("b.bin", 200_000, "application/x-thing")


def test_a_text_can_be_attached(services: Services, context: JobContext, job: Job) -> None:
    context.attach("report.txt", "Zeilen: 123 ✓")
    context.attach("report.txt", "Rows: 123")
    context.attach("empty.txt", "")
    report, empty = services.jobs.attachments(job.id)
    assert stored_path(services.files, report.id).read_text() == "Rows: 123"
    assert (report.name, report.size, report.media_type, empty.size) == ("report.txt", 9, "text/plain", 0)


@pytest.mark.parametrize("content", [None, 7, {"rows": 123}, io.StringIO("text"), Path("report.txt")])
def test_a_content_that_is_no_text_and_no_bytes_is_refused(
    services: Services, context: JobContext, content: Any
) -> None:
    with pytest.raises(TypeError, match="must be a text, bytes or a file opened in binary mode, not <class "):
        context.attach("report.txt", content)
    assert files_on_disk(services) == []


def test_a_file_can_have_a_lifetime_of_its_own(
    services: Services, context: JobContext, job: Job, database: str
) -> None:
    before = services.queries.jobs.now()
    context.attach("day.txt", "1", keep=timedelta(hours=6))
    with context.open_attachment("week.txt", keep=timedelta(days=7)) as file:
        file.write(b"2")
    context.attach("usual.txt", "3")
    kept = [file.expires_at - before for file in services.jobs.attachments(job.id)]
    expected = [timedelta(hours=6), timedelta(days=7), timedelta(days=1)]
    assert all(wanted <= real < wanted + timedelta(minutes=1) for real, wanted in zip(kept, expected, strict=True))


def test_a_bad_lifetime_is_refused_before_anything_is_written(services: Services, context: JobContext) -> None:
    with pytest.raises(ValueError, match="longer than zero"):
        context.attach("day.txt", "1", keep=timedelta(0))
    with pytest.raises(ValueError, match="longer than zero"):
        context.open_attachment("day.txt", keep=timedelta(-1))
    assert files_on_disk(services) == []


def test_a_superseded_attempt_adds_no_file(services: Services, context: JobContext, job: Job, database: str) -> None:
    end(services, job, Status.QUEUED, outcome="lost")
    with pytest.raises(LeaseLost):
        context.attach("late.txt", b"late")
    with pytest.raises(LeaseLost), context.open_attachment("late.txt") as file:
        file.write(b"late")
    assert services.jobs.attachments(job.id) == ()
    assert files_on_disk(services) == []


def test_a_handler_knows_its_job(running: Callable[..., Job], services: Services) -> None:
    someone = uuid4()
    job = running(triggered_by=someone, title="Mine")
    context = JobContext(
        job, SimpleNamespace(), services.files, inputs={}, keep_files=timedelta(1), creator=services.jobs
    )
    assert (context.id, context.title, context.owner, context.triggered_by, context.attempt) == (
        job.id,
        "Mine",
        job.owner,
        someone,
        1,
    )
