"""Real work-horses that hang in different ways."""

import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.installation import wait_for
from webapp.jobs.execution.process_snapshots.stack_channel import StackChannel, ThreadStack
from webapp.os_process import die_with_parent

PATIENCE = 300.0  # seconds, of which an answer needs few milliseconds
BRIEF = 0.1


@contextmanager
def horse(hang: Callable[[], None]) -> Iterator[tuple[StackChannel, int]]:
    """Fork a process that hangs, and wait until it does."""
    channel = StackChannel()
    reader, writer = os.pipe()
    parent, pid = os.getpid(), os.fork()
    if not pid:
        try:
            die_with_parent(parent)
            channel.answer()
            os.write(writer, b".")
            hang()
        finally:
            os._exit(1)
    channel.close_horse_end()
    try:
        os.read(reader, 1)
        yield channel, pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(reader)
        os.close(writer)
        channel.close()


def functions(stacks: tuple[ThreadStack, ...]) -> list[str]:
    return [frame.function for frame in stacks[0].frames] if stacks else []


def spin() -> None:
    while True:
        pass


def nap() -> None:
    time.sleep(10_000)


def receive() -> None:
    one, _other = socket.socketpair()
    one.recv(1)


def keep_python_from_running() -> None:
    re.match(r"(a+)+$", "a" * 64 + "b")


@pytest.mark.parametrize("hang", [spin, nap, receive])
def test_a_thread_answers_for_a_handler_that_hangs(hang: Callable[[], None]) -> None:
    with horse(hang) as (channel, pid):
        for _ in range(2):
            wait_for(lambda: hang.__name__ in functions(channel.ask(pid, PATIENCE)))


def test_the_signal_answers_while_native_code_keeps_python_from_running() -> None:
    with horse(keep_python_from_running) as (channel, pid):
        expected = ["keep_python_from_running", "match"]  # which has compiled its pattern before
        wait_for(lambda: functions(channel.ask(pid, BRIEF))[-2:] == expected)


def test_all_threads_are_shown_and_the_main_thread_comes_first() -> None:
    def start_threads() -> None:
        threading.Thread(target=nap, name="second", daemon=True).start()
        receive()

    with horse(start_threads) as (channel, pid):
        stacks = wait_for(
            lambda: len(stacks := channel.ask(pid, PATIENCE)) == 2 and "receive" in functions(stacks) and stacks
        )
        assert [stack.thread for stack in stacks] == ["MainThread", "second"]
        assert stacks[1].frames[-1].function == "nap"


def test_a_frozen_process_does_not_answer_and_answers_later() -> None:
    with horse(nap) as (channel, pid):
        os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: psutil.Process(pid).status() == "stopped")
        assert channel.ask(pid, BRIEF) == ()
        os.kill(pid, signal.SIGCONT)
        wait_for(lambda: "nap" in functions(channel.ask(pid, PATIENCE)))


def test_a_late_answer_is_not_taken_for_the_one_that_was_asked_for() -> None:
    with horse(nap) as (channel, pid):
        wait_for(lambda: "nap" in functions(channel.ask(pid, PATIENCE)))
        os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: psutil.Process(pid).status() == "stopped")
        for _ in range(3):
            assert channel.ask(pid, BRIEF) == ()
        os.kill(pid, signal.SIGCONT)
        for _ in range(20):
            assert "nap" in functions(channel.ask(pid, PATIENCE))


def test_what_the_signal_writes_does_not_mix_with_what_the_thread_answers() -> None:
    with horse(nap) as (channel, pid):
        wait_for(lambda: "nap" in functions(channel.ask(pid, PATIENCE)))
        for _ in range(200):
            os.kill(pid, signal.SIGWINCH)  # as if it came late
            assert functions(channel.ask(pid, PATIENCE))[-1] == "nap"


def test_nothing_is_written_into_a_file_that_has_the_number_of_the_closed_socket(tmp_path: Path) -> None:
    path = tmp_path / "important"

    def close_everything() -> None:
        os.closerange(3, 1000)
        while os.open(path, os.O_CREAT | os.O_RDWR) < 100:  # one of them has the number
            pass
        nap()

    with horse(close_everything) as (channel, pid):
        wait_for(lambda: len(psutil.Process(pid).open_files()) > 90)
        assert channel.ask(pid, BRIEF) == ()
        assert channel.ask(pid, BRIEF) == ()
        assert path.stat().st_size == 0


def test_a_process_that_has_ended_does_not_answer() -> None:
    with horse(lambda: None) as (channel, pid):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert channel.ask(pid, BRIEF) == ()
