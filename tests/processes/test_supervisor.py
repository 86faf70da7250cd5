import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.installation import environment, has_ended, wait_for
from webapp.processes.supervisor import Program, Supervisor

SLEEPS = [sys.executable, "-c", "import time; time.sleep(900)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(900)",
]
DIES = [sys.executable, "-c", "print('a life')"]


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    supervisor = Supervisor(grace_seconds=0.5)
    yield supervisor
    for program in supervisor.programs:
        program.send_signal(signal.SIGKILL)
        if program.process:
            program.process.wait()
        program.finish_log()


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., Program]:
    def program(name: str, work: object, **details: object) -> Program:
        return Program(name=name, work=work, log=tmp_path / "log" / f"{name}.log", **details)

    return program


def watched(supervisor: Supervisor, until: Callable[[], object]) -> None:
    thread = threading.Thread(target=lambda: (wait_for(until), supervisor.request_stop()))
    thread.start()
    supervisor.watch()
    thread.join()


def test_the_output_of_a_program_is_in_its_log(supervisor: Supervisor, program: Callable[..., Program]) -> None:
    one = program("one", DIES)
    supervisor.start(one)
    wait_for(lambda: one.ended)
    one.finish_log()
    assert one.log.read_text() == "a life\n"


def test_a_program_that_dies_is_started_again_with_a_growing_pause(
    supervisor: Supervisor, program: Callable[..., Program]
) -> None:
    dying = program("dying", DIES, pause=0.1)
    supervisor.start(dying)
    watched(supervisor, until=lambda: dying.log.exists() and dying.log.read_text().count("a life") >= 3)
    assert dying.pause >= 0.4


def test_a_killed_program_is_replaced(supervisor: Supervisor, program: Callable[..., Program]) -> None:
    one = program("one", SLEEPS, pause=0.1)
    supervisor.start(one)
    first = one.process
    time.sleep(0.2)
    one.send_signal(signal.SIGKILL)
    watched(supervisor, until=lambda: one.process is not first)
    assert not one.ended


def test_a_killed_fork_is_replaced_while_the_logs_of_others_are_written(
    supervisor: Supervisor, program: Callable[..., Program]
) -> None:
    supervisor.start(program("other", SLEEPS))
    one = program("one", lambda: (sys.stdout.write("a life\n"), signal.pause()), pause=0.1)
    supervisor.start(one)
    wait_for(one.log.exists)
    one.send_signal(signal.SIGKILL)
    watched(supervisor, until=lambda: one.log.read_text().count("a life") == 2)
    assert one.running


def test_the_first_program_stops_last(supervisor: Supervisor, program: Callable[..., Program]) -> None:
    first, second = program("first", SLEEPS), program("second", SLEEPS)
    for one in (first, second):
        supervisor.start(one)
    supervisor.stop()
    assert (first.ended, second.ended) == (True, True)
    assert (first.process.returncode, second.process.returncode) == (-signal.SIGTERM, -signal.SIGTERM)


def test_a_program_that_does_not_end_within_the_grace_period_is_killed(
    supervisor: Supervisor, program: Callable[..., Program]
) -> None:
    deaf = program("deaf", DEAF)
    supervisor.start(deaf)
    wait_for(lambda: deaf.log.exists() and "deaf" in deaf.log.read_text())
    began = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - began > 0.4
    assert deaf.process.returncode == -signal.SIGKILL


def test_a_program_gets_no_ctrl_c_of_the_terminal(supervisor: Supervisor, program: Callable[..., Program]) -> None:
    one = program("one", SLEEPS)
    supervisor.start(one)
    assert os.getpgid(one.process.pid) == one.process.pid != os.getpgrp()


def test_programs_do_not_outlive_a_killed_supervisor(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from webapp.processes.supervisor import Program, Supervisor
program = Program(name="one", work={SLEEPS!r}, log=Path({str(tmp_path)!r}) / "log")
Supervisor(1).start(program)
print(program.process.pid, flush=True)
program.process.wait()
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE) as supervisor:
        child = psutil.Process(int(supervisor.stdout.readline()))
        supervisor.kill()
    wait_for(lambda: has_ended(child))
