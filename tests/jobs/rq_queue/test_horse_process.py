import os
import signal
import sys
from uuid import uuid4

import pytest

from webapp.jobs.execution.output.output_pipe import OutputPipe
from webapp.jobs.execution.work_horse import Order
from webapp.jobs.rq_queue import horse_process
from webapp.jobs.rq_queue.horse_process import AwaitOrder, HorseProcess

ORDER = Order(lease_id=uuid4(), queue="ä queue")


def started(code: str) -> int:
    return os.posix_spawn(sys.executable, [sys.executable, "-c", code], os.environ, setpgroup=0)


def test_the_message_has_the_exit_status() -> None:
    ended = horse_process.wait_for(started("raise SystemExit(3)"))
    assert ended.sentence == "The process that ran this job exited with status 3."
    assert ended.peak_memory > 0


def test_the_message_has_the_signal_and_the_memory_of_a_killed_process() -> None:
    pid = started("import time; time.sleep(60)")
    horse_process.kill(pid)
    ended = horse_process.wait_for(pid)
    assert ended.pid == pid
    assert ended.sentence.startswith("The process that ran this job was killed (SIGKILL). The machine may have run out")


def test_only_sigkill_hints_at_memory() -> None:
    pid = started("import time; time.sleep(60)")
    horse_process.kill(pid, signal.SIGTERM)
    assert horse_process.wait_for(pid).sentence == "The process that ran this job was killed (SIGTERM)."


def test_killing_an_ended_process_does_nothing() -> None:
    pid = started("")
    horse_process.wait_for(pid)
    horse_process.kill(pid)


def run_orders(_output: OutputPipe, await_order: AwaitOrder) -> None:
    while order := await_order():
        if order != ORDER:
            os._exit(3)


def test_a_work_horse_takes_orders_one_by_one() -> None:
    horse = HorseProcess(run_orders)
    for _ in range(3):
        assert horse.begin(ORDER)
        assert horse.wait() is None
    assert not horse.has_ended()
    assert horse.begin(Order(lease_id=uuid4(), queue="another"))
    ended = horse.wait()
    horse.close()
    assert ended is not None
    assert (ended.pid, os.waitstatus_to_exitcode(ended.status)) == (horse.pid, 3)


def test_a_killed_work_horse_takes_no_order() -> None:
    horse = HorseProcess(run_orders)
    assert horse.begin(ORDER)
    assert horse.wait() is None
    horse_process.kill(horse.pid)
    os.waitid(os.P_PID, horse.pid, os.WEXITED | os.WNOWAIT)
    assert horse.has_ended()
    assert not horse.begin(ORDER)
    horse.dismiss()


def test_the_end_of_its_worker_ends_a_waiting_work_horse() -> None:
    reader, writer = os.pipe()
    if not (worker := os.fork()):
        HorseProcess(run_orders)
        os._exit(0)
    os.close(writer)
    os.waitpid(worker, 0)
    assert os.read(reader, 1) == b"", "nobody has the other end any more"
    os.close(reader)


def test_where_its_worker_could_not_hear_it_a_work_horse_ends_after_an_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    horse = HorseProcess(run_orders)
    assert horse.begin(ORDER)
    ended = horse.wait()
    horse.close()
    assert ended is not None
    assert ended.status == 0
