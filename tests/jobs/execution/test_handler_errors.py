"""However a handler ends, its job says why, and the next job of the process runs."""

import argparse
import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Never

import pytest

from tests.jobs.conftest import Nothing
from tests.jobs.execution.test_context_stop import request_stop, swallow_it_in_a_report
from webapp.jobs.definition.job_type import JobError
from webapp.jobs.execution import handler_errors
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.job import Job, Status
from webapp.jobs.model.json_values import NotStorable, check_json
from webapp.jobs.model.policies import RetryPolicy
from webapp.jobs.model.value_rules import LONGEST
from webapp.services import Services

Run = Callable[..., Job]


class SilentError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class ExitingError(Exception):
    def __str__(self) -> str:
        raise SystemExit("no words")

    @property
    def orig(self) -> str:
        raise SystemExit


class BareJobError(JobError):
    def __init__(self) -> None:
        Exception.__init__(self, "It is bare.")


class OddJobError(JobError):
    def __init__(self) -> None:
        super().__init__("It is odd.", "odd")
        self.parameters = {"what": object()}


class OddBaseError(BaseException):
    """Derived from BaseException by a library."""


def parse_arguments(*arguments: str) -> Never:
    parser = argparse.ArgumentParser(prog="import")
    parser.add_argument("--count", type=int, required=True)
    parser.parse_args(arguments)
    raise AssertionError


def raise_(error: BaseException) -> Never:
    raise error


def _recurse() -> int:
    return _recurse() + 1


CANNOT_BE_SHOWN = "(Its text cannot be shown: str() raised"
FAILURES: dict[str, tuple[Callable[[], object], str]] = {
    "exit with a text": (lambda: sys.exit("cannot reach the server"), "cannot reach the server (exit status 1)"),
    "exit with a status": (lambda: sys.exit(3), "It exited with status 3."),
    "exit with an object": (
        lambda: raise_(SystemExit(SilentError())),
        f"{CANNOT_BE_SHOWN} RuntimeError.) (exit status 1)",
    ),
    "argparse": (
        lambda: parse_arguments("--count", "x"),
        "argument --count: invalid int value: 'x' (exit status 2)",
    ),
    "argparse without an argument": (
        parse_arguments,
        "the following arguments are required: --count (exit status 2)",
    ),
    "keyboard interrupt": (lambda: raise_(KeyboardInterrupt()), "KeyboardInterrupt"),
    "interrupt of the process": (lambda: raise_(KeyboardInterrupt("now")), "KeyboardInterrupt: now"),
    "generator exit": (lambda: raise_(GeneratorExit()), "GeneratorExit"),
    "cancelled": (lambda: raise_(asyncio.CancelledError("late")), "CancelledError: late"),
    "odd": (lambda: raise_(OddBaseError("odd")), "OddBaseError: odd"),
    "no text": (lambda: raise_(ValueError()), "ValueError"),
    "silent": (lambda: raise_(SilentError()), f"SilentError: {CANNOT_BE_SHOWN} RuntimeError.)"),
    "exiting": (lambda: raise_(ExitingError()), f"ExitingError: {CANNOT_BE_SHOWN} SystemExit.)"),
    "group": (
        lambda: raise_(BaseExceptionGroup("several", [OddBaseError("a"), ValueError("b")])),
        "BaseExceptionGroup: several (2 sub-exceptions)",
    ),
    "recursion": (_recurse, "RecursionError: maximum recursion depth exceeded"),
    "bare job error": (lambda: raise_(BareJobError()), "It is bare."),
    "odd job error": (lambda: raise_(OddJobError()), "It is odd."),
}


@pytest.fixture(autouse=True)
def as_in_a_work_horse() -> Iterator[None]:
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.mark.parametrize("name", FAILURES)
def test_whatever_a_handler_raises_is_told(services: Services, run: Run, name: str) -> None:
    raises, text = FAILURES[name]

    def handler(job: JobContext, payload: Nothing) -> None:
        raises()

    job = run(handler)
    assert (job.status, job.errors[-1]["text"].startswith(text)) == (Status.FAILED, True), job.errors
    (attempt,) = services.queries.jobs.attempts(job.id)
    assert attempt.error is not None
    assert attempt.error.startswith(text)
    assert attempt.traceback is not None
    assert "test_handler_errors.py" in attempt.traceback


def _first_frames(traceback: str | None) -> list[str]:
    """Return the function of the first frame of each exception in a traceback."""
    return re.findall(r"most recent call last\):\n +\|? *File .*, in (\w+)\n", traceback or "")


def test_a_traceback_begins_at_the_handler(services: Services, run: Run) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        try:
            int("many")
        except ValueError as error:
            raise JobError("The number of rows is no number.") from error

    (attempt,) = services.queries.jobs.attempts(run(handler).id)
    assert _first_frames(attempt.traceback) == ["handler", "handler"]


def test_an_error_of_the_engine_keeps_its_frames() -> None:
    with pytest.raises(NotStorable) as raised:
        check_json(object(), "It")
    own_frames = raised.tb.tb_next
    assert "in check_json" in handler_errors.traceback_of(raised.value.with_traceback(own_frames))


@pytest.mark.parametrize("exits", [sys.exit, lambda: sys.exit(0), lambda: sys.exit(None), lambda: raise_(SystemExit())])
def test_an_exit_with_status_0_completes(services: Services, run: Run, exits: Callable[[], object]) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        job.spawn("nothing")
        exits()

    job = run(handler)
    assert (job.status, job.parts, job.errors) == (Status.WAITING, 1, ())


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), OddBaseError("odd"), SilentError()])
def test_a_job_is_retried_after_any_error(run: Run, error: BaseException) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        raise error

    assert run(handler, max_attempts=2).status is Status.SCHEDULED


def test_ctrl_c_reaches_the_command_that_runs_a_job_inline(run: Run) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt):
        run(handler)


def test_a_stop_in_a_group_of_exceptions_cancels(services: Services, run: Run) -> None:
    async def report(job: JobContext) -> None:
        job.message("on")

    async def work(job: JobContext) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(report(job))

    def handler(job: JobContext, payload: Nothing) -> None:
        job.progress(1)
        request_stop(services, job)
        swallow_it_in_a_report(job)
        with ThreadPoolExecutor() as executor:  # browser tests leave an event loop in the main thread
            executor.submit(asyncio.run, work(job)).result()

    job = run(handler)
    assert (job.status, job.errors) == (Status.CANCELLED, ()), job.errors


BROKEN_POLICIES: dict[str, dict[str, Any]] = {
    "raises": {"can_retry": lambda attempt, error: raise_(LookupError("no rule"))},
    "exits": {"can_retry": lambda attempt, error: sys.exit("no rule")},
    "silent": {"can_retry": lambda attempt, error: raise_(SilentError("no rule"))},
}


@pytest.mark.parametrize("name", BROKEN_POLICIES)
def test_a_retry_policy_that_raises_fails_the_job_and_says_why(services: Services, run: Run, name: str) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        raise ValueError("the first error")

    job = run(handler, retry=RetryPolicy(max_attempts=3, **BROKEN_POLICIES[name]))
    assert job.status is Status.FAILED
    policy, error = (each["text"] for each in job.errors)
    assert policy.startswith("It was not retried, because its retry policy failed: ")
    assert error == "ValueError: the first error"
    traceback = services.queries.jobs.attempts(job.id)[0].traceback
    assert traceback is not None
    assert "ValueError: the first error" in traceback
    assert "During handling of the above exception" in traceback


@pytest.mark.parametrize("delays", [{"delays": (LONGEST,)}, {"first_delay": LONGEST}, {"jitter": 1.0}])
def test_any_delay_can_be_stored(run: Run, database: str, delays: dict[str, Any]) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        raise ValueError("again")

    assert run(handler, retry=RetryPolicy(max_attempts=3, **delays)).status is Status.SCHEDULED


def test_no_function_of_the_module_raises() -> None:
    for error in (SilentError(), ExitingError(), BareJobError(), OddJobError(), SystemExit(SilentError())):
        handler_errors.sentence_of(error)
        handler_errors.traceback_of(error)
        handler_errors.translation_of(error)
