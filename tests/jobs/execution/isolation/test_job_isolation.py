import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.jobs.execution.isolation.forked import in_child
from webapp.jobs.execution.isolation import job_isolation
from webapp.jobs.execution.isolation.job_isolation import JobIsolation
from webapp.jobs.execution.reporter import JobInterrupted

MOST_MEMORY = 2**40


def run(isolation: JobIsolation, key: str, handler: Callable[[], object] = lambda: None) -> tuple[str, ...]:
    with isolation.around(key):
        handler()
    return isolation.leftovers()


def test_a_frequent_change_is_put_back_before_the_attempt_is_written() -> None:
    def work() -> object:
        isolation, before = JobIsolation(MOST_MEMORY), Path.cwd()
        left = run(isolation, "one", lambda: os.chdir("/"))
        return [list(left), Path.cwd() == before]

    assert in_child(work) == [[], True]


def test_everything_is_put_back_before_a_job_of_another_type_or_owner() -> None:
    def work() -> object:
        isolation, before = JobIsolation(MOST_MEMORY), sys.getswitchinterval()
        run(isolation, "one", lambda: sys.setswitchinterval(0.5))
        seen: list[float] = []
        run(isolation, "another", lambda: seen.append(sys.getswitchinterval()))
        return seen == [before]

    assert in_child(work) is True


def test_everything_is_put_back_after_a_job_that_raised() -> None:
    def work() -> object:
        isolation, before = JobIsolation(MOST_MEMORY), sys.getswitchinterval()

        def broken() -> None:
            sys.setswitchinterval(0.5)
            raise KeyError

        with pytest.raises(KeyError):
            run(isolation, "one", broken)
        return sys.getswitchinterval() == before

    assert in_child(work) is True


def test_everything_is_put_back_from_time_to_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_isolation, "_LONG_SECONDS", 900.0)

    def work() -> object:
        isolation, before = JobIsolation(MOST_MEMORY), sys.getswitchinterval()
        run(isolation, "one", lambda: sys.setswitchinterval(0.5))
        for _ in range(job_isolation._MAX_QUICK_LOOKS):
            run(isolation, "one")
        return sys.getswitchinterval() == before

    assert in_child(work) is True


def test_what_cannot_be_put_back_lets_no_further_job_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_isolation, "_LONG_SECONDS", 900.0)

    def work() -> object:
        isolation = JobIsolation(MOST_MEMORY)
        reader, _ = os.pipe()
        run(isolation, "one", lambda: os.dup2(reader, 0))
        with pytest.raises(JobInterrupted):
            run(isolation, "another")
        return list(isolation.leftovers())

    assert in_child(work) == ["standard streams"]


def test_a_blocked_alarm_does_not_make_the_next_job_deaf() -> None:
    def work() -> object:
        isolation = JobIsolation(MOST_MEMORY)
        run(isolation, "one", lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM}))
        return sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ()))

    assert in_child(work) == []
