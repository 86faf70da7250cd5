"""Job types that leave a mark whenever they run, and whose first attempt may end in any way."""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
from pydantic import BaseModel

from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.policies import RetryPolicy

MOST = 9
CONTENT = b"whole " * 10_000


class Trial(BaseModel):
    marks: str
    first: str = "goes well"


def run(job: JobContext, payload: Trial) -> None:
    with Path(payload.marks).open("a") as marks:
        marks.write(f"{job.title}\n")
    job.save_state({"attempt": job.attempt})
    with job.open_attachment("result.txt") as file:
        file.write(CONTENT)
    if job.attempt == 1:
        _WAYS[payload.first](job, payload)


def run_badly(job: JobContext, payload: Trial) -> None:
    with Path(payload.marks).open("a") as marks:
        marks.write(f"{job.title}\n")
    _WAYS[payload.first](job, payload)


def fail(job: JobContext, payload: Trial) -> None:
    message = "It broke."
    raise RuntimeError(message)


def kill_the_worker(job: JobContext, payload: Trial) -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    signal.pause()


def freeze(job: JobContext, payload: Trial) -> None:
    """With the worker, as if their machine had vanished."""
    os.kill(os.getppid(), signal.SIGSTOP)
    os.kill(os.getpid(), signal.SIGSTOP)


def end_itself(*_: object) -> None:
    os._exit(0)


def crash(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def close_all_files(*_: object) -> None:
    os.closerange(0, 1024)


def use_all_memory(*_: object) -> None:
    used = psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (used + 200 * 2**20, resource.RLIM_INFINITY))
    kept = []
    while True:
        kept.append(bytearray(2**20))


def fill_the_disk(job: JobContext, _: Trial) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**25, resource.RLIM_INFINITY))
    job.attach("large.bin", bytes(2**25 + 1))


def stay_in_c(*_: object) -> None:
    """Where no signal's handler is ever run."""
    sum(range(10**12))


def take_the_signals(*_: object) -> None:
    """And sleep, so that neither its time limit nor a stop reaches it."""
    for sig in (signal.SIGALRM, signal.SIGTERM, signal.SIGUSR2, signal.SIGINT):
        signal.signal(sig, signal.SIG_IGN)
    time.sleep(60)


def leave_a_daemon(*_: object) -> None:
    """One that goes on in a session of its own is its author's business; the job ends all the same."""
    subprocess.Popen(["sleep", "3"], start_new_session=True)


def haunt(job: JobContext, payload: Trial) -> None:
    """Freeze, and write all that there is to write when somebody else has done the job; note what was refused."""
    freeze(job, payload)
    for word, say in LATE_WORDS.items():
        try:
            say(job, payload)
        except BaseException as refused:  # noqa: BLE001  (a zombie does not give up)
            with Path(f"{payload.marks}.refused").open("a") as marks:
                marks.write(f"{word}: {type(refused).__name__}\n")


def _flushed(job: JobContext, **words: Any) -> None:
    job._reporter.say(**words)
    job._reporter.flush()


def _logged(job: JobContext) -> None:
    job._reporter.log("INFO", "late")
    job._reporter.flush()


def _spawned(job: JobContext, payload: Trial) -> None:
    job.spawn("again", payload.model_copy(update={"first": "goes well"}))
    job.flush_children()


LATE_WORDS: dict[str, Callable[[JobContext, Trial], object]] = {
    "progress": lambda job, _: _flushed(job, progress=99.0),
    "message": lambda job, _: _flushed(job, message="late"),
    "state": lambda job, _: _flushed(job, state={"late": True}),
    "log": lambda job, _: _logged(job),
    "file": lambda job, _: job.attach("late.txt", b"late"),
    "child": _spawned,
    "dependent": lambda job, payload: job.after("again", payload.model_copy(update={"first": "goes well"})),
}
_WAYS: dict[str, Callable[[JobContext, Trial], object]] = {
    "goes well": lambda *_: None,
    "takes its time": lambda *_: time.sleep(4),
    "dies": lambda *_: os._exit(1),
    "haunts": haunt,
    "ends itself": end_itself,
    "crashes": crash,
    "closes all files": close_all_files,
    "uses all memory": use_all_memory,
    "fills the disk": fill_the_disk,
    "stays in C": stay_in_c,
    "takes the signals": take_the_signals,
    "leaves a daemon": leave_a_daemon,
    "fails": fail,
    "kills its worker": kill_the_worker,
    "freezes": freeze,
}
again = job_type(
    "again", title="Again", max_running=1, retry=RetryPolicy(max_attempts=MOST, delays=(timedelta(0),), jitter=0.0)
)(run)
briefly = job_type("briefly", title="Briefly", timeout=timedelta(seconds=1))(run)
each_time = job_type("each_time", title="Each time", max_attempts=3)(run_badly)
once = job_type("once", title="Once", max_running=1, rerun_lost=False)(run)
