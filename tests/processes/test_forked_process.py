import fcntl
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest
from sqlalchemy.exc import OperationalError

from webapp.config import Unready
from webapp.processes.forked_process import ForkedProcess, ForkEndedError, call_in_fork


@pytest.fixture
def fork() -> Iterator[Callable[..., ForkedProcess]]:
    started: list[ForkedProcess] = []

    def fork(work: Callable[[], None], name: str = "one") -> ForkedProcess:
        started.append(ForkedProcess(work, name))
        return started[-1]

    yield fork
    for process in started:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()


def say_and_pause(what: Callable[[], object]) -> None:
    sys.stdout.write(f"{what()}\n")
    signal.pause()


def open_files() -> list[str]:
    """Return the open files of this process, without the folder that lists them."""
    return sorted(file.name for file in Path("/proc/self/fd").iterdir() if file.exists())


def test_what_it_prints_is_in_the_pipe(fork: Callable[..., ForkedProcess]) -> None:
    def work() -> None:
        sys.stdout.write("one\n")
        os.write(2, b"two\n")
        sys.stderr.write("three\n")

    process = fork(work)
    assert sorted(process.stdout.read().split()) == [b"one", b"three", b"two"]
    assert (process.wait(), process.poll()) == (0, 0)


@pytest.mark.parametrize(("end", "status"), [(SystemExit(3), 3), (SystemExit("no"), 1), (SystemExit(), 0)])
def test_an_exit_has_its_status(fork: Callable[..., ForkedProcess], end: SystemExit, status: int) -> None:
    def work() -> None:
        raise end

    assert fork(work).wait() == status


def test_an_error_is_in_the_output(fork: Callable[..., ForkedProcess]) -> None:
    process = fork(lambda: int("none"))
    assert b"ValueError" in process.stdout.read()
    assert process.wait() == 1


def test_it_runs_until_it_gets_a_signal_and_has_a_name(fork: Callable[..., ForkedProcess]) -> None:
    process = fork(lambda: say_and_pause(lambda: "begun"), name="deskjob-one")
    process.stdout.readline()
    assert process.poll() is None
    assert psutil.Process(process.pid).name() == "deskjob-one"
    assert os.getsid(process.pid) == process.pid
    process.send_signal(signal.SIGTERM)
    assert process.wait() == -signal.SIGTERM
    process.send_signal(signal.SIGTERM)  # it has ended, and its number may be another process's


def test_it_holds_no_file_or_lock_of_its_parent(fork: Callable[..., ForkedProcess], tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = fork(lambda: say_and_pause(open_files))
        assert process.stdout.readline() == b"['0', '1', '2']\n"
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_it_handles_signals_as_a_new_process(fork: Callable[..., ForkedProcess]) -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        process = fork(lambda: say_and_pause(lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ())))
        assert process.stdout.readline() == b"set()\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait() == -signal.SIGTERM
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_call_in_a_fork_leaves_nothing_in_memory(tmp_path: Path) -> None:
    numbers: list[int] = []
    call_in_fork(lambda: (numbers.append(1), (tmp_path / "done").touch()))
    assert (numbers, (tmp_path / "done").exists()) == ([], True)


def test_what_a_call_in_a_fork_raises_is_raised() -> None:
    with pytest.raises(Unready, match="the disk is full"):
        call_in_fork(partial(_raise, Unready("the disk is full")))
    with pytest.raises(OperationalError, match="locked"):
        call_in_fork(partial(_raise, OperationalError("SELECT 1", {}, sqlite3.OperationalError("locked"))))


def test_a_fork_that_says_nothing_has_failed(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ForkEndedError):
        call_in_fork(lambda: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(ForkEndedError):
        call_in_fork(partial(_raise, RuntimeError(lambda: "what cannot be pickled")))
    assert "RuntimeError" in capfd.readouterr().err


def _raise(error: Exception) -> None:
    raise error
