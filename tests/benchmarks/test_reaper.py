"""Benchmarks that end in every way, and what is left of them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.installation import PATIENCE_SECONDS, environment, has_ended, wait_for

pytestmark = pytest.mark.exhaustive
# It leaves a child in a session of its own, a daemon, and a process that obeys no SIGTERM
BENCHMARK = """
import json, os, subprocess, sys, tempfile, time
from pathlib import Path
from benchmarks import reaper
facts, how = Path(sys.argv[1]), sys.argv[2]
reaper._GRACE_SECONDS = 0.3
reaper._CLEAN_UP_SECONDS = 0.3 if how == "is deaf" else 5.0  # others clean up at once, but the machine may be slow
def benchmark():
    child = subprocess.Popen(["sleep", "900"], start_new_session=True)
    daemon = int(subprocess.check_output(["sh", "-c", "sleep 900 >&- & echo $!"]))
    deaf = subprocess.Popen(["sh", "-c", "trap '' TERM; echo; while true; do sleep 1; done"], stdout=subprocess.PIPE)
    deaf.stdout.readline()
    written = {
        "processes": [child.pid, daemon, deaf.pid],
        "benchmark": os.getpid(),
        "reaper": os.getppid(),
        "folder": tempfile.mkdtemp(),
    }
    facts.with_suffix(".new").write_text(json.dumps(written))
    facts.with_suffix(".new").rename(facts)
    try:
        if how == "waits":
            time.sleep(900)
        while how == "is deaf":
            try:
                time.sleep(900)
            except KeyboardInterrupt:
                pass
    finally:
        facts.with_suffix(".cleaned").touch()
    return 3
sys.exit(reaper.run(benchmark))
"""


class Benchmark:
    def __init__(self, folder: Path, how: str) -> None:
        self._facts = folder / "facts"
        command = [sys.executable, "-c", BENCHMARK, str(self._facts), how]
        self.process = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, start_new_session=True)
        self.facts: dict[str, Any] = wait_for(lambda: self._facts.exists() and json.loads(self._facts.read_text()))
        self.left = [psutil.Process(pid) for pid in self.facts["processes"] if psutil.pid_exists(pid)]

    @property
    def cleaned_up(self) -> bool:
        return self._facts.with_suffix(".cleaned").exists()

    def wait(self) -> int:
        return self.process.wait(PATIENCE_SECONDS)

    def nothing_is_left(self) -> bool:
        return all(has_ended(process) for process in self.left) and not Path(self.facts["folder"]).exists()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Any]:
    benchmarks: list[Benchmark] = []

    def start(how: str) -> Benchmark:
        benchmarks.append(Benchmark(tmp_path, how))
        return benchmarks[-1]

    yield start
    for benchmark in benchmarks:
        for pid in (benchmark.process.pid, benchmark.facts["benchmark"]):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        benchmark.process.communicate()


def test_the_exit_status_is_that_of_the_benchmark_and_nothing_is_left(started: Any) -> None:
    benchmark = started("ends")
    assert benchmark.wait() == 3
    assert benchmark.nothing_is_left()
    assert b"processes that were left" in benchmark.process.stderr.read()


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_benchmark_cleans_up_and_leaves_nothing(started: Any, sig: signal.Signals) -> None:
    benchmark = started("waits")
    benchmark.process.send_signal(sig)
    assert benchmark.wait() == 130
    assert benchmark.cleaned_up
    assert benchmark.nothing_is_left()


def test_a_killed_benchmark_command_leaves_nothing(started: Any) -> None:
    benchmark = started("waits")
    os.killpg(benchmark.process.pid, signal.SIGKILL)
    wait_for(benchmark.nothing_is_left)
    assert benchmark.cleaned_up


def test_a_benchmark_that_ignores_the_interruption_is_killed(started: Any) -> None:
    benchmark = started("is deaf")
    benchmark.process.terminate()
    assert benchmark.wait() == 130
    assert benchmark.nothing_is_left()


def test_a_killed_benchmark_leaves_nothing(started: Any) -> None:
    benchmark = started("waits")
    os.kill(benchmark.facts["benchmark"], signal.SIGKILL)
    assert benchmark.wait() == 128 + signal.SIGKILL
    assert benchmark.nothing_is_left()


@pytest.mark.exhaustive
def test_nothing_is_left_when_the_reaper_is_killed(started: Any) -> None:
    benchmark = started("waits")
    os.kill(benchmark.facts["reaper"], signal.SIGKILL)
    assert benchmark.wait() == 128 + signal.SIGKILL
    assert benchmark.cleaned_up
    assert benchmark.nothing_is_left()
