import _thread
import os
import re
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.jobs.execution.isolation.forked import in_child
from webapp.jobs.execution.isolation.leftovers import Leftovers
from webapp.os_process import adopt_orphans

KEPT: list[object] = []
MEGABYTES = 2**20


def listen() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    KEPT.append(server)


def start_basic_thread() -> None:
    started = threading.Event()

    def work() -> None:
        started.set()
        time.sleep(900)

    _thread.start_new_thread(work, ())
    started.wait()


LEFT: dict[str, tuple[Callable[[], object], list[str]]] = {
    "nothing": (lambda: None, []),
    "a thread": (lambda: threading.Thread(target=time.sleep, args=(900,)).start(), ["threads"]),
    "a daemon thread": (lambda: threading.Thread(target=time.sleep, args=(900,), daemon=True).start(), ["threads"]),
    "a thread of the basic module": (start_basic_thread, ["threads"]),
    "an ended thread": (lambda: _run_to_its_end(threading.Thread(target=int)), []),
    "a file": (lambda: KEPT.append(Path("/etc/hostname").open()), ["open files (/etc/hostname)"]),  # noqa: SIM115
    "a deleted file": (lambda: KEPT.append(tempfile.TemporaryFile()), ["open files (/… (deleted))"]),  # noqa: SIM115
    "a server": (listen, ["open files (socket:[…])"]),
    "many pipes": (
        lambda: [os.pipe() for _ in range(20)],
        ["open files (pipe:[…], pipe:[…], pipe:[…], pipe:[…], pipe:[…], …)"],
    ),
    "a connection": (lambda: KEPT.extend(socket.socketpair()), []),
    "a closed input": (lambda: os.close(0), ["closed files (/dev/null)"]),
    "memory": (lambda: KEPT.append(bytearray(b"1" * 100 * MEGABYTES)), ["memory"]),
    "memory that it has freed": (lambda: bytearray(b"1" * 100 * MEGABYTES), []),
}


def _run_to_its_end(thread: threading.Thread) -> None:
    thread.start()
    thread.join()


def _without_numbers(found: str) -> str:
    return re.sub(r"\d+(?=\])|(?<=\(/)\S+(?= \(deleted)", "…", found)


@pytest.mark.parametrize("name", LEFT)
def test_what_a_job_leaves_behind_is_found(name: str) -> None:
    leave, expected = LEFT[name]

    def work() -> object:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        leftovers = Leftovers(most_memory=50 * MEGABYTES)
        leftovers.start_job()
        leave()
        return [leftovers.end_processes(), list(map(_without_numbers, leftovers.find()))]

    assert in_child(work) == [False, expected]


def test_processes_are_killed_and_waited_for() -> None:
    def work() -> object:
        leftovers = Leftovers(most_memory=2**40)
        child = subprocess.Popen(["sleep", "900"])
        found = leftovers.end_processes()
        return [found, psutil.pid_exists(child.pid), leftovers.end_processes()]

    assert in_child(work) == [True, False, False]


def test_a_process_that_was_there_before_is_left_alone() -> None:
    def work() -> object:
        child = subprocess.Popen(["sleep", "900"])
        found = Leftovers(most_memory=2**40).end_processes()
        alive = child.poll() is None
        child.kill()
        return [found, alive]

    assert in_child(work) == [False, True]


def test_a_daemon_is_found_and_killed() -> None:
    def work() -> object:
        adopt_orphans()
        leftovers = Leftovers(most_memory=2**40)
        start = "setsid sleep 900 >/dev/null 2>&1 & echo $!"
        pid = int(subprocess.run(["sh", "-c", start], check=True, capture_output=True, text=True).stdout)
        return [leftovers.end_processes(), psutil.pid_exists(pid)]

    assert in_child(work) == [True, False]
