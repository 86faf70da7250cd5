"""The fake job context: everything that a handler reports can be read, and no database is used."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import BaseModel
from sqlalchemy import Connection

from tests.jobs.conftest import Nothing
from tests.jobs.execution.conftest import reports_everything
from webapp.jobs import (
    InvalidPayload,
    JobCancelled,
    JobContext,
    JobError,
    JobInterrupted,
    NotStorable,
    RetryLater,
    Upload,
    job_type,
    testing,
)
from webapp.jobs.definition.lazy_handlers import LazyHandler
from webapp.jobs.execution.batches import SliceEnded
from webapp.jobs.testing import FakeJobContext


def test_every_report_can_be_read() -> None:
    job = FakeJobContext()
    job.run(reports_everything, Nothing())
    assert (job.percent, job.done, job.total) == (100.0, 5, 5)
    assert (job.messages, job.warnings, job.errors) == (["on"], ["odd"], [])
    assert job.log_lines == [("INFO", "a line")]
    assert job.attachments == {"a.txt": b"abc", "b.txt": b"12345"}
    assert job.checkpoints == [{"row": 3}, *({"row": 3, "items_done": number} for number in (2, 4, 5))]
    assert job.metadata == {"a": 1}
    assert [(child.type, child.name) for child in job.children] == [("nothing", None)]
    assert [dependent.type for dependent in job.dependents] == ["nothing"]
    assert [[(edge.before, edge.after) for edge in flow.edges] for flow in job.flows] == [[("first", "second")]]


def test_texts_and_lifetimes_of_files_are_kept() -> None:
    job = FakeJobContext()
    job.attach("key.txt", "ä", keep=timedelta(hours=1))
    job.attach("other.txt", "first", keep=timedelta(hours=1))
    job.attach("other.txt", "second")
    assert job.attachments == {"key.txt": "ä".encode(), "other.txt": b"second"}
    assert job.lifetimes == {"key.txt": timedelta(hours=1)}


def test_the_context_has_the_fields_that_the_test_gives() -> None:
    job = FakeJobContext(
        type="letter", title="A letter", attempt=2, max_attempts=3, state={"row": 7}, metadata={"a": 1}
    )
    assert (job.type, job.title, job.attempt, job.max_attempts) == ("letter", "A letter", 2, 3)
    assert (job.state, job.metadata, job.root_id, job.owner.user_id) == ({"row": 7}, {"a": 1}, None, None)


class Letter(BaseModel):
    file: Upload
    copies: int = 1


def test_uploads_are_bytes_named_bytes_or_files(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(b"dear")
    job = FakeJobContext(inputs={"one": b"1", "two": ("two.csv", b"22"), "three": path})
    read = {}
    for field, file in job.inputs.items():
        with file.open() as opened:
            read[field] = file.name, file.size, opened.read()
    assert read == {"one": ("one", 1, b"1"), "two": ("two.csv", 2, b"22"), "three": ("letter.txt", 4, b"dear")}
    with pytest.raises(KeyError):
        job.inputs["four"]


def test_a_job_type_parses_its_payload_and_takes_services() -> None:
    class Printer:
        pages = 0

    def handler(job: JobContext, payload: Letter, printer: Printer) -> int:
        printer.pages += payload.copies
        return payload.copies

    handler.__annotations__["printer"] = Printer
    kind = job_type("letter", title="Letter")(handler)
    printer = Printer()
    file = {"name": "a", "size": 1, "sha256": "0"}
    assert FakeJobContext().run(kind, {"file": file, "copies": "2"}, printer=printer) == printer.pages == 2
    with pytest.raises(InvalidPayload):
        FakeJobContext().run(kind, {"copies": 2}, printer=printer)


STEPS: dict[str, Callable[[JobContext], object]] = {
    "progress": lambda job: [job.progress(number) for number in range(10)],
    "track": lambda job: list(job.track(range(10))),
    "message": lambda job: [job.message(str(number)) for number in range(10)],
    "batches": lambda job: list(job.batches(lambda start, count: range(start, start + count), 10, size=2)),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_stop_is_raised_by_the_next_report(name: str) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        STEPS[name](job)

    job = FakeJobContext()
    job.request_stop()
    with pytest.raises(JobCancelled):
        job.run(handler, Nothing())
    job = FakeJobContext()
    job.interrupt()
    with pytest.raises(JobInterrupted):
        job.run(handler, Nothing())


def test_a_stop_can_come_in_the_middle() -> None:
    seen: list[int] = []

    def handler(job: JobContext, payload: Nothing) -> None:
        seen.extend(job.track(range(10)))

    job = FakeJobContext(stop_when=lambda job: job.percent >= 30)
    with pytest.raises(JobCancelled):
        job.run(handler, Nothing())
    assert job.done == 3


def test_a_handler_that_returns_after_it_has_seen_the_stop_is_stopped() -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        if job.stop_requested:
            return

    FakeJobContext().run(handler, Nothing())
    with pytest.raises(JobCancelled):
        FakeJobContext(stop_when=lambda _: True).run(handler, Nothing())


def test_slices_continue_from_the_checkpoint() -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        for item in job.batches(lambda start, count: range(start, start + count), 3):
            job.logger.info("%s", item)

    state: Any = {}
    for number in range(2):
        job = FakeJobContext(seconds=0, state=state)
        with pytest.raises(SliceEnded):
            job.run(handler, Nothing())
        assert job.log_lines == [("INFO", str(number))]
        state = job.state
    FakeJobContext(seconds=0, state=state).run(handler, Nothing())


def test_named_children_are_created_once() -> None:
    job = FakeJobContext()
    first = job.spawn("letter", {"copies": 2}, name="a", priority=7)
    assert job.spawn("letter", name="a") == first
    (child,) = job.children
    assert (child.id, child.name, child.payload, child.choices) == (first, "a", {"copies": 2}, {"priority": 7})


def test_errors_are_raised() -> None:
    def fails(job: JobContext, payload: Nothing) -> None:
        job.error("bad")
        raise JobError("worse")

    def later(job: JobContext, payload: Nothing) -> None:
        raise job.retry_later(timedelta(minutes=1), "The bank is closed.")

    job = FakeJobContext()
    with pytest.raises(JobError, match="worse"):
        job.run(fails, Nothing())
    assert job.errors == ["bad"]
    with pytest.raises(RetryLater, match="The bank is closed"):
        FakeJobContext().run(later, Nothing())


def test_mistakes_are_found_as_in_a_real_run() -> None:
    def unused(job: JobContext, payload: Nothing) -> None:
        job.track([1])

    def lazy(job: JobContext, payload: Nothing) -> object:
        return map(str, [1])

    def unstorable(job: JobContext, payload: Nothing) -> None:
        job.save_state({"a": object()})

    job = FakeJobContext()
    job.run(unused, Nothing())
    assert "its result was never used" in job.warnings[0]
    with pytest.raises(LazyHandler):
        job.run(lazy, Nothing())
    with pytest.raises(NotStorable):
        job.run(unstorable, Nothing())
    with pytest.raises(ValueError, match="between 0 and 100"):
        job.progress(101)


@pytest.mark.parametrize("name", ["_MemoryReporter", "_MemoryFile", "_MemoryFiles"])
def test_a_replacement_overrides_what_would_write(name: str) -> None:
    replacement = getattr(testing, name)
    (original,) = replacement.__bases__
    private = [method for method in vars(replacement) if method.startswith("_") and not method.startswith("__")]
    methods = [method for method in private if callable(vars(replacement)[method])]
    assert [method for method in methods if not hasattr(original, method)] == []


def test_steps_are_kept_in_memory() -> None:
    job = FakeJobContext(steps={"kept": [1]}, connection=cast(Connection, "a connection"))

    def handler(job: JobContext, payload: object) -> list[Any]:
        kept = job.step("kept", pytest.fail, "it ran")
        return [
            kept,
            job.step("new", dict, a=(1, 2)),
            job.step_in_transaction("written", lambda opened: f"by {opened}"),
        ]

    assert job.run(handler) == [[1], {"a": [1, 2]}, "by a connection"]
    assert job.steps == {"kept": [1], "new": {"a": [1, 2]}, "written": "by a connection"}


def test_a_test_gives_the_results_of_predecessors() -> None:
    job = FakeJobContext(results={"fetch": {"rows": 3}}, result_files={"fetch": {"a.csv": b"a"}})
    before = job.predecessors["fetch"]
    with before.files["a.csv"].open() as file:
        content = file.read()
    assert (job.results_of("fetch"), content, list(before.parts)) == ({"rows": 3}, b"a", [])
    with pytest.raises(KeyError, match="does not follow"):
        job.results_of("mail")
