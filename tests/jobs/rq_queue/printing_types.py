"""Job types that write to their output, for `test_worker_output.py`."""

# ruff: noqa: T201

import ctypes
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext

MEGABYTE = 2**20


class What(BaseModel):
    what: str


def be_killed() -> None:
    print("printed")
    subprocess.run(["echo", "of a program"], check=True)
    os.write(2, b"last words")
    os.kill(os.getpid(), signal.SIGKILL)


def crash() -> None:
    print("before")
    ctypes.string_at(0)


def print_a_lot() -> None:
    line = "x" * 1023
    for _ in range(20 * 1024):
        print(line)


def write_without_python() -> None:
    """Write more than a pipe holds while no other thread can run."""
    size = 2 * MEGABYTE
    assert ctypes.PyDLL(None).write(1, b"x" * (size - 1) + b"\n", size) == size


def leave_a_daemon() -> None:
    subprocess.run(["sh", "-c", "setsid sleep 900 >/dev/null 2>&1 & echo $!"], check=True)


def leave_a_daemon_and_wait() -> None:
    leave_a_daemon()
    signal.pause()


DOES: dict[str, Callable[[], Any]] = {
    "is killed": be_killed,
    "crashes": crash,
    "prints a lot": print_a_lot,
    "writes without Python": write_without_python,
    "leaves a daemon": leave_a_daemon,
    "leaves a daemon and waits": leave_a_daemon_and_wait,
}


@job_type("printing", title="Writes to its output")
def printing(job: JobContext, payload: What) -> None:
    DOES[payload.what]()


@job_type("printing_its_name", title="Prints its name")
def printing_its_name(job: JobContext, payload: What) -> None:
    print(payload.what)
    logging.getLogger("a.library").info(payload.what)
    print(payload.what, file=sys.stderr, end="")


@job_type("printing_elsewhere", title="Writes into the log of its worker", capture_output=False)
def printing_elsewhere(job: JobContext, payload: What) -> None:
    print("printed for", payload.what)
    logging.getLogger("a.library").info("logged for %s", payload.what)
    os.system(f"echo echoed for {payload.what}")
