"""Handlers that print, in inline runs; `test_worker_output.py` has the same with real workers."""

# ruff: noqa: T201

import logging
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from tests.installation import wait_for
from tests.jobs.conftest import Nothing
from tests.jobs.execution.conftest import Create
from tests.threads import threads
from webapp.jobs.execution.context import JobContext
from webapp.jobs.execution.output.output_capture import OutputCapture
from webapp.jobs.execution.output.output_lines import FULL, MAX_LINES
from webapp.jobs.execution.output.output_pipe import OutputPipe
from webapp.jobs.model.incoming_text import TEXT_LIMIT
from webapp.jobs.model.job import Status
from webapp.jobs.queries.log_lines import LogLine
from webapp.services import Services

Run = Callable[..., tuple[LogLine, ...]]
C_CODE = "import ctypes; ctypes.CDLL(None).puts(b'of C')"


@pytest.fixture
def log_of(services: Services, create: Create) -> Run:
    """Run a job with this handler; return its log."""

    def log_of(handler: Callable[..., Any], payload: Any = None, **rules: Any) -> tuple[LogLine, ...]:
        job = services.run_inline(create(handler, payload, **rules).id)
        assert job.status is Status.COMPLETED, job.errors
        return services.queries.logs.log(job.id, limit=2 * MAX_LINES)

    return log_of


def test_everything_that_a_handler_writes_is_in_its_log_in_order(log_of: Run, database: str) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        print("printed")
        job.logger.info("logged")
        print("as an error", file=sys.stderr)
        logging.getLogger("a.library").info("of a library")
        subprocess.run(["sh", "-c", "echo of a program; echo its error >&2"], check=True)
        os.write(1, b"of the descriptor\n")
        os.system("echo of a shell")
        job.logger.warning("at the end")
        print("without an end", end="")

    lines = log_of(handler)
    assert [(line.level, line.text) for line in lines] == [
        ("OUTPUT", "printed"),
        ("INFO", "logged"),
        ("OUTPUT", "as an error"),
        ("OUTPUT", "INFO a.library: of a library"),
        ("OUTPUT", "of a program"),
        ("OUTPUT", "its error"),
        ("OUTPUT", "of the descriptor"),
        ("OUTPUT", "of a shell"),
        ("WARNING", "at the end"),
        ("OUTPUT", "without an end"),
    ]


def test_threads_copies_and_c_code_are_in_it(log_of: Run) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        thread = threading.Thread(target=print, args=("of a thread",))
        thread.start()
        thread.join()
        process = multiprocessing.get_context("fork").Process(target=print, args=("of a copy",))
        process.start()
        process.join()
        copy = multiprocessing.get_context("fork").Process(target=logging.getLogger("x").info, args=("in a copy",))
        copy.start()
        copy.join()
        exec(C_CODE)

    texts = [line.text for line in log_of(handler)]
    assert texts == ["of a thread", "of a copy", "INFO x: in a copy", "of C"]


def test_it_is_masked_and_cleaned(log_of: Run) -> None:
    class Key(BaseModel):
        key: SecretStr

    def handler(job: JobContext, payload: Key) -> None:
        print(payload.key.get_secret_value(), flush=True)
        logging.getLogger("a.library").warning("key=%s", payload.key.get_secret_value())
        print("\x1b[31mred\x1b[0m 1 %\r2 %\a")
        print("x" * 2 * TEXT_LIMIT)
        os.write(2, b"\xff\xfe\0\n")

    texts = [line.text for line in log_of(handler, {"key": "sesame-4711"})]
    assert texts[:3] == ["**********", "WARNING a.library: key=**********", "2 %␇"]
    assert texts[3].endswith("… (cut, 16,384 characters)")
    assert texts[4:] == ["\ufffd\ufffd␀"]


def test_its_last_line_says_how_much_was_dropped(log_of: Run) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        subprocess.run(["sh", "-c", "yes | head -c 20000000"], check=True)
        job.logger.info("still logged")

    lines = log_of(handler)
    assert (lines[-3].level, lines[-3].text) == ("OUTPUT", FULL)
    assert (lines[-2].level, lines[-2].text) == ("INFO", "still logged")
    assert lines[-1].level == "WARNING"
    assert lines[-1].text == ("Output that was too long for this log was dropped: 9,990,000 lines, 19,512 KiB.")
    assert len(lines) == MAX_LINES + 3


def test_it_can_be_switched_off_for_a_type(log_of: Run) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        print("not in the log")
        logging.getLogger("a.library").warning("not in the log either")
        job.logger.info("in the log")

    assert [line.text for line in log_of(handler, capture_output=False)] == ["in the log"]


def test_it_is_shown_while_the_job_runs(services: Services, create: Create) -> None:
    shown: list[str] = []

    def handler(job: JobContext, payload: Nothing) -> None:
        subprocess.run(["echo", "now"], check=True)
        os.write(1, b"Continue? ")
        shown.extend(wait_for(lambda: len(found := services.queries.logs.log(job.id)) == 2 and [x.text for x in found]))

    services.run_inline(create(handler).id)
    assert shown == ["now", "Continue? "]


def test_output_of_a_failed_job_is_kept(services: Services, create: Create) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        print("before")
        sys.stdout.write("the end")
        raise ValueError("no")

    job = services.run_inline(create(handler).id)
    assert job.status is Status.FAILED
    assert [line.text for line in services.queries.logs.log(job.id)] == ["before", "the end"]


def test_a_handler_that_closes_its_streams_loses_only_their_output(log_of: Run) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        print("before")
        sys.stdout.close()
        sys.stderr.close()
        job.logger.info("after")

    assert [line.text for line in log_of(handler)] == ["before", "after"]
    print("the streams of this process are open")


def test_a_copy_that_fails_ends_with_its_traceback_in_the_output_and_not_the_job(log_of: Run) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        statuses = []
        for end in (lambda: 1 / 0, lambda: sys.exit(3), lambda: sys.exit("why"), lambda: None):
            if not (pid := os.fork()):
                end()
                return
            statuses.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        job.logger.info("statuses %s", statuses)

    texts = [line.text for line in log_of(handler)]
    texts.remove("statuses [1, 3, 1, 0]")  # the job's own words do not wait for what others have written
    assert texts[0] == "Traceback (most recent call last):"
    assert texts[-2:] == ["ZeroDivisionError: division by zero", "why"]


def test_a_program_that_outlives_its_job_is_ended(services: Services, create: Create) -> None:
    pids: list[int] = []

    def handler(job: JobContext, payload: Nothing) -> None:
        pids.append(os.posix_spawnp("sleep", ["sleep", "900"], os.environ))

    assert services.run_inline(create(handler).id).status is Status.COMPLETED
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_its_thread_ends_also_if_it_reads_what_should_wake_it() -> None:
    with OutputPipe() as pipe:
        with OutputCapture(pipe) as capture:
            capture.outside, woken = StringIO(), threading.Event()

            def read_late() -> None:
                woken.set()
                wait_for(lambda: capture._closing and not pipe.is_empty())
                capture._read()

            capture._wait_for_more = read_late  # type: ignore[method-assign]
            os.write(1, b"at the end")
            assert woken.wait(60)
        assert not capture._thread.is_alive()


def test_everything_is_put_back(services: Services, create: Create) -> None:
    def state() -> list[object]:
        files = [os.fstat(number).st_ino for number in (1, 2)]
        return [sys.stdout, sys.stderr, *files, logging.root.level, *logging.root.handlers]

    def handler(job: JobContext, payload: Nothing) -> None:
        print("printed")

    before, threads_before = state(), threads()
    services.run_inline(create(handler).id)
    assert state() == before
    wait_for(lambda: threads() <= threads_before)
