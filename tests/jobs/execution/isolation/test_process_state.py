"""Every item of a process's state: a handler changes it, and it is put back or reported."""

import asyncio
import builtins
import csv
import decimal
import gc
import locale
import logging
import os
import random
import resource
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.jobs.execution.isolation.forked import in_child
from webapp.jobs.execution.isolation.process_state import ProcessState

Change = Callable[[], object]
Look = Callable[[], object]


def change_signals() -> None:
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM, signal.SIGUSR1})
    signal.raise_signal(signal.SIGALRM)


def change_attributes() -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.close()
    sys.stdout = sys.stderr = None
    ssl._create_default_https_context = ssl._create_unverified_context
    os.environ = {}  # noqa: B003
    socket.socket = None
    threading.excepthook = warnings.showwarning = print


def change_environment() -> None:
    os.environ["SECRET"] = "of the first owner"
    del os.environ["PATH"]
    os.putenv("FOR_C", "code")
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()


def change_logging() -> None:
    logging.disable(logging.CRITICAL)
    logging.root.handlers.clear()
    logging.root.setLevel(logging.CRITICAL)
    logging.getLogger("sqlalchemy").addHandler(logging.StreamHandler())
    logging.getLogger("sqlalchemy").disabled = True
    logging.getLogger("a library that was imported just now").addHandler(logging.StreamHandler())


def look_at_logging() -> object:
    library = logging.getLogger("sqlalchemy")
    new = logging.getLogger("a library that was imported just now").handlers if new_logger_exists() else []
    root = logging.root
    return [root.manager.disable, len(root.handlers), root.level, len(library.handlers), library.disabled, len(new)]


def new_logger_exists() -> bool:
    return "a library that was imported just now" in logging.root.manager.loggerDict


def leave_a_deleted_folder() -> None:
    folder = Path("/tmp") / f"deskjob-gone-{os.getpid()}"
    folder.mkdir()
    os.chdir(folder)
    folder.rmdir()


def change_builtins() -> None:
    builtins._ = str.upper
    builtins.print = None


def change_import_path() -> None:
    sys.path.insert(0, "/the/first/owner")
    sys.meta_path.clear()


def change_decimals() -> None:
    decimal.getcontext().prec = 2
    decimal.getcontext().traps[decimal.Inexact] = True
    decimal.DefaultContext.prec = 3


def cycle_processors() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


CHANGES: dict[str, tuple[Change, Look]] = {
    "signals": (
        change_signals,
        lambda: [
            [
                signal.getsignal(number) in {signal.SIG_IGN, signal.SIG_DFL}
                for number in (signal.SIGUSR2, signal.SIGTERM)
            ],
            sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
            sorted(signal.sigpending()),
        ],
    ),
    "attributes of the standard library": (
        change_attributes,
        lambda: [
            *(sys.stdout is not None, ssl._create_default_https_context.__name__, type(os.environ).__name__),
            *(socket.socket is not None, threading.excepthook is not print, warnings.showwarning is not print),
            getattr(asyncio.events, "_event_loop_policy", None) is None,
        ],
    ),
    "built-in functions": (change_builtins, lambda: [hasattr(builtins, "_"), callable(builtins.print)]),
    "working directory": (leave_a_deleted_folder, os.getcwd),
    "environment variables": (
        change_environment,
        lambda: [
            dict(os.environ),
            time.tzname,
            time.localtime(0).tm_hour,
            sorted(subprocess.run(["/usr/bin/env"], capture_output=True, check=True, text=True).stdout.splitlines()),
        ],
    ),
    "umask": (lambda: os.umask(0), lambda: os.umask(0o077)),
    "locale": (
        lambda: locale.setlocale(locale.LC_NUMERIC, "C.UTF-8" if locale.setlocale(locale.LC_NUMERIC) == "C" else "C"),
        lambda: locale.setlocale(locale.LC_ALL),
    ),
    "logging": (change_logging, look_at_logging),
    "timers": (
        lambda: [signal.setitimer(timer, 500) for timer in (signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)],
        lambda: [signal.getitimer(timer)[0] for timer in (signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)],
    ),
    "wake-up descriptor": (
        lambda: signal.set_wakeup_fd(_non_blocking_socket().fileno()),
        lambda: signal.set_wakeup_fd(-1),
    ),
    "recursion limit": (lambda: sys.setrecursionlimit(5_000), sys.getrecursionlimit),
    "switch interval": (lambda: sys.setswitchinterval(0.5), sys.getswitchinterval),
    "limit of digits": (lambda: sys.set_int_max_str_digits(700), sys.get_int_max_str_digits),
    "import path": (change_import_path, lambda: [sys.path, len(sys.meta_path)]),
    "decimal context": (
        change_decimals,
        lambda: [str(decimal.Decimal(1) / 3), decimal.DefaultContext.prec, str(decimal.getcontext().traps)],
    ),
    "socket timeout": (lambda: socket.setdefaulttimeout(0.001), socket.getdefaulttimeout),
    "field limit of CSV files": (lambda: csv.field_size_limit(3), csv.field_size_limit),
    "warnings filters": (lambda: warnings.simplefilter("error"), lambda: [str(one) for one in warnings.filters]),
    "tracing": (
        lambda: [sys.settrace(lambda *_: None), sys.setprofile(lambda *_: None)],
        lambda: [sys.gettrace() is None, sys.getprofile() is None],
    ),
    "garbage collection": (
        lambda: [gc.disable(), gc.set_threshold(5, 5, 5)],
        lambda: [gc.isenabled(), gc.get_threshold()],
    ),
    "resource limits": (
        lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (20, resource.getrlimit(resource.RLIMIT_NOFILE)[1])),
        lambda: resource.getrlimit(resource.RLIMIT_NOFILE),
    ),
    "processors": (cycle_processors, lambda: sorted(os.sched_getaffinity(0))),
    "process group": (lambda: os.setpgid(0, 0), os.getpgrp),
}
NOT_ALWAYS_PUT_BACK: dict[str, Change] = {
    "priority": lambda: os.nice(5),  # only root can take this back
    "user": lambda: os.seteuid(65534),
    "standard streams": lambda: os.close(0),
}


def _non_blocking_socket() -> socket.socket:
    kept = socket.socketpair()
    KEPT.extend(kept)
    kept[0].setblocking(False)  # noqa: FBT003
    return kept[0]


KEPT: list[socket.socket] = []


def test_every_item_has_a_test() -> None:
    assert {item.name for item in ProcessState().items} == {*CHANGES, *NOT_ALWAYS_PUT_BACK}


@pytest.mark.parametrize("name", CHANGES)
def test_an_item_is_put_back(name: str) -> None:
    change, look = CHANGES[name]

    def work() -> object:
        before = look()
        state = ProcessState()
        if name == "umask":
            before = os.umask(os.umask(0o077))
        change()
        unclear = state.put_back()
        return [list(unclear), before, look()]

    unclear, before, after = in_child(work)
    assert (unclear, after) == ([], before)


@pytest.mark.parametrize("name", NOT_ALWAYS_PUT_BACK)
def test_an_item_that_cannot_be_put_back_is_reported(name: str) -> None:
    if name == "user" and os.geteuid():
        pytest.skip("only root can change its user")

    def work() -> object:
        state = ProcessState()
        NOT_ALWAYS_PUT_BACK[name]()
        unclear = state.put_back()
        return [list(unclear), os.getpriority(os.PRIO_PROCESS, 0)]

    unclear, priority = in_child(work)
    assert unclear == ([] if name == "priority" and priority == os.getpriority(os.PRIO_PROCESS, 0) else [name])


def test_nothing_is_reported_when_nothing_changed() -> None:
    assert in_child(lambda: [list(ProcessState().put_back())]) == [[]]


def test_a_process_without_a_working_directory_starts_in_the_root_folder() -> None:
    def work() -> object:
        leave_a_deleted_folder()
        ProcessState()
        return str(Path.cwd())

    assert in_child(work) == "/"


def test_a_job_cannot_choose_the_random_numbers_of_the_next() -> None:
    def work() -> object:
        state = ProcessState()
        random.seed(1)
        chosen = random.Random(1).random()
        state.put_back()
        return random.random() != chosen

    assert in_child(work) is True
