"""Job types that damage their process, and one that looks at it: `DESKJOB_JOBTYPES` names this module."""

# ruff: noqa: PTH123, SIM115  (files stay open on purpose)

import _thread
import asyncio
import builtins
import csv
import decimal
import gc
import locale
import logging
import logging.config
import os
import random
import resource
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from webapp.jobs import JobContext, job_type

KEPT: list[Any] = []
MEGABYTES = 2**20
HOURS = 9 * 3600
OF_THE_PROCESS = "RQ_JOB_ID"  # RQ sets it in each work-horse


class What(BaseModel):
    what: str


class Nothing(BaseModel):
    pass


def stand_in_a_deleted_folder() -> None:
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    Path(folder).rmdir()


def move_the_zone() -> None:
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()


def log_into_an_own_file() -> None:
    handler = logging.FileHandler(os.devnull)
    logging.root.addHandler(handler)
    logging.root.setLevel(logging.DEBUG)


def listen_to_a_library() -> None:
    logging.getLogger("sqlalchemy.engine").addHandler(logging.StreamHandler())
    logging.getLogger("sqlalchemy.engine").propagate = False


def ring_for_ever() -> None:
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)


def count_processor_time() -> None:
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, 0.3)


def close_the_event_loop() -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.close()


def sleep_in_a_thread(*, daemon: bool) -> None:
    threading.Thread(target=time.sleep, args=(900,), daemon=daemon).start()


def leave_a_daemon() -> None:
    subprocess.run(["sh", "-c", "setsid sleep 900 >/dev/null 2>&1 &"], check=True)


def fork_and_return() -> None:
    if not os.fork():
        raise RuntimeError("the copy fails")


def write_into_the_log_of_the_worker() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def trust_every_server() -> None:
    ssl._create_default_https_context = ssl._create_unverified_context


def replace_print() -> None:
    builtins.print = builtins.open = lambda *_: None


def choose_the_random_numbers() -> None:
    random.seed(1)


def damage_decimals() -> None:
    decimal.getcontext().prec = 2
    decimal.DefaultContext.prec = 2


def damage_attributes() -> None:
    sys.stdout = sys.stderr = open(os.devnull, "w")
    sys.excepthook = threading.excepthook = warnings.showwarning = lambda *_: None


def limit_open_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (12, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def fail_with(error: BaseException) -> None:
    raise error


HOSTILE: dict[str, Callable[[], object]] = {
    "stands in another folder": lambda: os.chdir("/"),
    "stands in a deleted folder": stand_in_a_deleted_folder,
    "sets a variable": lambda: os.environ.update(SECRET="of the first owner"),
    "removes variables": os.environ.clear,
    "sets a variable for C code": lambda: os.putenv("SECRET", "of the first owner"),
    "moves the time zone": move_the_zone,
    "opens its files to everyone": lambda: os.umask(0),
    "speaks another language": lambda: locale.setlocale(locale.LC_ALL, "C.UTF-8"),
    "disables logging": lambda: logging.disable(logging.CRITICAL),
    "logs into its own file": log_into_an_own_file,
    "configures all logging": lambda: logging.config.dictConfig({"version": 1, "root": {"level": "ERROR"}}),
    "listens to a library": listen_to_a_library,
    "blocks the alarm": lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM}),
    "blocks all signals": lambda: signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()),
    "ignores requests": lambda: [signal.signal(one, signal.SIG_IGN) for one in (signal.SIGUSR2, signal.SIGTERM)],
    "rings for ever": ring_for_ever,
    "counts processor time": count_processor_time,
    "writes to a wake-up descriptor": lambda: KEPT.append(signal.set_wakeup_fd(-1)),
    "limits recursion": lambda: sys.setrecursionlimit(150),
    "imports from elsewhere": lambda: (sys.path.clear(), sys.meta_path.clear()),
    "replaces streams and hooks": damage_attributes,
    "rounds numbers": damage_decimals,
    "is impatient": lambda: socket.setdefaulttimeout(0.0001),
    "turns warnings into errors": lambda: warnings.simplefilter("error"),
    "leaves a daemon thread": lambda: sleep_in_a_thread(daemon=True),
    "leaves a thread": lambda: sleep_in_a_thread(daemon=False),
    "leaves a basic thread": lambda: _thread.start_new_thread(time.sleep, (900,)),
    "closes the standard streams": lambda: os.closerange(0, 3),
    "closes all other files": lambda: os.closerange(3, 200),
    "redirects the output": write_into_the_log_of_the_worker,
    "leaves files open": lambda: KEPT.extend(open(os.devnull) for _ in range(50)),
    "leaves a server": lambda: KEPT.append(socket.create_server(("127.0.0.1", 0))),
    "keeps memory": lambda: KEPT.append(bytearray(b"1" * 400 * MEGABYTES)),
    "uses memory": lambda: bytearray(b"1" * 400 * MEGABYTES),
    "leaves a program": lambda: KEPT.append(subprocess.Popen(["sleep", "900"])),
    "leaves a daemon": leave_a_daemon,
    "returns twice": fork_and_return,
    "limits open files": limit_open_files,
    "becomes unimportant": lambda: os.nice(5),
    "stays on one processor": lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}),
    "replaces built-in functions": replace_print,
    "traces everything": lambda: (sys.settrace(lambda *_: None), sys.setprofile(lambda *_: None)),
    "keeps garbage": gc.disable,
    "chooses the random numbers": choose_the_random_numbers,
    "trusts every server": trust_every_server,
    "refuses long fields": lambda: csv.field_size_limit(1),
    "closes the event loop": close_the_event_loop,
    "leaves its process group": lambda: os.setpgid(0, os.getpgid(os.getppid())),
    "exits": lambda: os._exit(0),
    "kills itself": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "raises": lambda: fail_with(ValueError("as usual")),
}


@job_type("hostile", title="Damages its process")
def hostile(job: JobContext, payload: What) -> None:
    job.logger.info("I am hostile")
    HOSTILE[payload.what]()


@job_type("victim", title="Looks at its process")
def victim(job: JobContext, payload: Nothing) -> None:
    job.save_metadata(look())
    job.logger.info("I am a victim")
    job.attach("mine.txt", b"mine")


@job_type("endless", title="Never ends", timeout=timedelta(seconds=0.2))
def endless(job: JobContext, payload: Nothing) -> None:
    time.sleep(900)


def look() -> dict[str, Any]:
    """Describe everything that another job may have changed."""
    engine = logging.getLogger("sqlalchemy.engine")
    signals = (signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGINT, signal.SIGPROF)
    return {
        "folder": str(Path.cwd()),
        "environment": {name: value for name, value in os.environ.items() if name != OF_THE_PROCESS},
        "environment of programs": _environment_of_programs(),
        "zone": [time.tzname, time.localtime(HOURS).tm_hour],
        "umask": _umask(),
        "locale": locale.setlocale(locale.LC_ALL),
        "logging": [
            logging.root.manager.disable,
            logging.root.level,
            len(logging.root.handlers),
            engine.isEnabledFor(40),
        ],
        "library": [engine.level, len(engine.handlers), engine.propagate, engine.disabled],
        "signals": {int(number): _name(signal.getsignal(number)) for number in signals},
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "timers": [signal.getitimer(timer)[0] for timer in (signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)],
        "recursion": sys.getrecursionlimit(),
        "imports": [sys.path, len(sys.meta_path)],
        "streams": [_name(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)],
        "files": [os.fstat(0).st_ino, *(stat.S_ISFIFO(os.fstat(number).st_mode) for number in (1, 2))],
        "hooks": [_name(hook) for hook in (sys.excepthook, threading.excepthook, warnings.showwarning)],
        "numbers": [str(decimal.Decimal(1) / 3), decimal.DefaultContext.prec],
        "timeout": socket.getdefaulttimeout(),
        "warnings": [str(one) for one in warnings.filters],
        "threads": sorted(thread.name for thread in threading.enumerate() if thread.name != "reporter"),
        "programs": _programs(),
        "limits": [list(resource.getrlimit(one)) for one in (resource.RLIMIT_NOFILE, resource.RLIMIT_AS)],
        "importance": [os.nice(0), sorted(os.sched_getaffinity(0)), os.getpgrp() == os.getpid()],
        "functions": [_name(print), _name(open), sys.gettrace() is None, sys.getprofile() is None],
        "garbage": [gc.isenabled(), list(gc.get_threshold())],
        "random": random.random() == random.Random(1).random(),
        "trust": ssl._create_default_https_context.__name__,
        "fields": csv.field_size_limit(),
        "loop": getattr(asyncio.events, "_event_loop_policy", None) is None,
        "servers": sum(_listens(number) for number in range(3, 100)),
    }


def _environment_of_programs() -> list[str]:
    lines = subprocess.check_output(["/usr/bin/env"], text=True).splitlines()
    return sorted(line for line in lines if not line.startswith(OF_THE_PROCESS))


def _umask() -> int:
    before = os.umask(0o077)
    os.umask(before)
    return before


def _name(value: object) -> str:
    return str(getattr(value, "__qualname__", None) or type(value).__name__)


def _programs() -> int:
    return sum(len((task / "children").read_text().split()) for task in Path("/proc/self/task").iterdir())


def _listens(number: int) -> bool:
    try:
        probe = socket.socket(fileno=number)
    except OSError:
        return False
    try:
        return bool(probe.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    finally:
        probe.detach()  # it stays open
