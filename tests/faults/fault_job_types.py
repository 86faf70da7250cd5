"""Job types that write a mark for each run, and whose first attempt can end in many ways."""

import faulthandler
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
from sqlalchemy import Connection, insert

from tests.frozen_processes import freeze_with_parent
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.policies import RetryPolicy
from webapp.schema import log_lines, now

MAX_ATTEMPTS = 99  # more than a slow machine loses to expired leases
OUTLASTING_SECONDS = 8.0  # longer than the lease of the tests without Redis
FLOW = "Flow"
COUNTED = "counted by a step"
CONTENT = b"whole " * 10_000


class Trial(BaseModel):
    marks: str
    first: str = "goes well"
    starts_flow: bool = False


class Choice(BaseModel):
    go_on: bool


class Short(BaseModel):
    marks: str
    seconds: float = 0.0


def run_shortly(job: JobContext, payload: Short) -> None:
    with Path(payload.marks).open("a") as marks:
        marks.write(f"{job.title}\n")
    time.sleep(payload.seconds)


def run(job: JobContext, payload: Trial) -> None:
    with Path(payload.marks).open("a") as marks:
        marks.write(f"{job.title}\n")
    job.save_state({"attempt": job.attempt})
    job.step("noted", note_step, job.title, payload.marks)
    job.step_in_transaction("counted", count_step, job)
    if payload.starts_flow:
        start_flow(job, payload)
    with job.open_attachment("result.txt") as file:
        file.write(CONTENT)
    if job.attempt == 1:
        _WAYS[payload.first](job, payload)


def start_flow(job: JobContext, payload: Trial) -> None:
    with job.flow(FLOW) as flow:
        last = flow.spawn("of_a_flow", {"marks": payload.marks}, name="last", title=f"{FLOW}, last")
        last.after("first")
        flow.spawn("of_a_flow", {"marks": payload.marks}, name="first", title=f"{FLOW}, first")


def note_step(title: str, marks: str) -> None:
    with Path(f"{marks}.steps").open("a") as file:
        file.write(f"{title}\n")


def count_step(connection: Connection, job: JobContext) -> None:
    line = {"job_id": job.id, "attempt": job.attempt, "at": now(), "level": "INFO", "text": COUNTED}
    connection.execute(insert(log_lines).values(line))


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
    """Freeze the worker too, as if their machine had vanished."""
    freeze_with_parent(job._reporter.engine)


def exit_with_success(*_: object) -> None:
    os._exit(0)


def crash(*_: object) -> None:
    faulthandler.disable()  # pytest enables it, and it would print every thread
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
    """Python runs no signal handler there."""
    sum(range(10**12))


def ignore_signals(*_: object) -> None:
    """Sleep so that neither the time limit nor a stop has an effect."""
    for sig in (signal.SIGALRM, signal.SIGTERM, signal.SIGUSR2, signal.SIGINT):
        signal.signal(sig, signal.SIG_IGN)
    time.sleep(900)


def leave_a_daemon(*_: object) -> None:
    """Start a program in its own session; it outlives the job, which finishes normally."""
    subprocess.Popen(["sleep", "3"], start_new_session=True)


def write_as_a_zombie(job: JobContext, payload: Trial) -> None:
    """Freeze until another worker has done the job, then try every kind of write and record each refusal."""
    freeze(job, payload)
    for name, write in LATE_WRITES.items():
        try:
            write(job, payload)
        except BaseException as refusal:  # noqa: BLE001  (a zombie does not give up)
            with Path(f"{payload.marks}.refused").open("a") as marks:
                marks.write(f"{name}: {type(refusal).__name__}\n")


def _report(job: JobContext, **values: Any) -> None:
    job._reporter.set_values(**values)
    job._reporter.flush()


def _log(job: JobContext) -> None:
    job._reporter.log("INFO", "late")
    job._reporter.flush()


def _spawn(job: JobContext, payload: Trial) -> None:
    job.spawn("again", payload.model_copy(update={"first": "goes well"}))
    job.flush_children()


LATE_WRITES: dict[str, Callable[[JobContext, Trial], object]] = {
    "progress": lambda job, _: _report(job, progress=99.0),
    "message": lambda job, _: _report(job, message="late"),
    "state": lambda job, _: _report(job, state={"late": True}),
    "log": lambda job, _: _log(job),
    "file": lambda job, _: job.attach("late.txt", b"late"),
    "child": _spawn,
    "flow": start_flow,
    "dependent": lambda job, payload: job.after("again", payload.model_copy(update={"first": "goes well"})),
}


def ask(job: JobContext, _: Trial) -> None:
    """Ask, and go on when the clock has let the question expire."""
    answer = job.ask(Choice, "Go on?", until=timedelta(seconds=1), default=Choice(go_on=True))
    assert answer.go_on


_WAYS: dict[str, Callable[[JobContext, Trial], object]] = {
    "goes well": lambda *_: None,
    "asks": ask,
    "outlasts a lease": lambda *_: time.sleep(OUTLASTING_SECONDS),
    "waits to be killed": lambda *_: signal.pause(),
    "dies": lambda *_: os._exit(1),
    "writes as a zombie": write_as_a_zombie,
    "exits with success": exit_with_success,
    "crashes": crash,
    "closes all files": close_all_files,
    "uses all memory": use_all_memory,
    "fills the disk": fill_the_disk,
    "stays in C": stay_in_c,
    "ignores signals": ignore_signals,
    "leaves a daemon": leave_a_daemon,
    "fails": fail,
    "kills its worker": kill_the_worker,
    "freezes": freeze,
}
at_once = RetryPolicy(max_attempts=MAX_ATTEMPTS, delays=(timedelta(0),), jitter=0.0)
again = job_type("again", title="Again", max_running=1, retry=at_once)(run)
briefly = job_type("briefly", title="Briefly", timeout=timedelta(seconds=1))(run)
each_time = job_type("each_time", title="Each time", max_attempts=3)(run_badly)
in_group = job_type("in_group", title="In a group")(run_shortly)
of_a_flow = job_type("of_a_flow", title="Of a flow", retry=at_once)(run_shortly)
once = job_type("once", title="Once", max_running=1, rerun_lost=False)(run)
