import os
import signal
import subprocess
import sys

import psutil

from tests.jobs.execution.isolation.forked import in_child
from webapp.jobs.execution.isolation.child_processes import children, comes_true, end_children, has_children
from webapp.os_process import adopt_orphans

POLITE = """
import os, signal, time
signal.signal(signal.SIGTERM, lambda *_: (os.write({writer}, b"goodbye"), os._exit(0)))
print(flush=True)
time.sleep(900)
"""
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(900)"


def started(code: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, close_fds=False)
    process.stdout.readline()
    return process


def test_children_are_asked_to_end_and_then_killed() -> None:
    def work() -> object:
        reader, writer = os.pipe()
        os.set_inheritable(writer, True)  # noqa: FBT003
        polite, deaf = started(POLITE.format(writer=writer)), started(DEAF)
        found = end_children()
        said = os.read(reader, 10).decode()
        return [found, said, psutil.pid_exists(polite.pid), psutil.pid_exists(deaf.pid), has_children(), end_children()]

    assert in_child(work) == [True, "goodbye", False, False, False, False]


def test_children_to_keep_are_left_alone() -> None:
    def work() -> object:
        kept = subprocess.Popen(["sleep", "900"])
        other = subprocess.Popen(["sleep", "900"])
        found = end_children({kept.pid}), end_children({kept.pid})
        alive = children() == {kept.pid} and not psutil.pid_exists(other.pid)
        kept.kill()
        return [*found, alive]

    assert in_child(work) == [True, False, True]


def test_adopted_descendants_in_other_sessions_are_ended() -> None:
    def work() -> object:
        adopt_orphans()
        start = "setsid sleep 900 >/dev/null 2>&1 & echo $!"
        pid = int(subprocess.run(["sh", "-c", start], check=True, capture_output=True, text=True).stdout)
        return [end_children(), psutil.pid_exists(pid)]

    assert in_child(work) == [True, False]


def test_a_stopped_child_is_ended() -> None:
    def work() -> object:
        process = subprocess.Popen(["sleep", "900"])
        process.send_signal(signal.SIGSTOP)
        return [end_children(), psutil.pid_exists(process.pid)]

    assert in_child(work) == [True, False]


def test_a_fact_can_come_true_or_not() -> None:
    answers = iter([False, True])
    assert comes_true(lambda: next(answers))
    assert not comes_true(lambda: False)
