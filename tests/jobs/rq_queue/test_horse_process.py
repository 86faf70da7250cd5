import os
import signal
import sys

from webapp.jobs.rq_queue import horse_process


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
