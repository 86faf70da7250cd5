"""`deskjob verify` as operators run it: how many jobs it checks per second, its memory, and its slowest rules."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread

from benchmarks.process_usage import usage_of_family
from webapp.config import Settings
from webapp.jobs.monitoring.clock_heartbeat import is_clock_silent
from webapp.services import Services

_SLOWEST = 3
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """One run of the command: the most memory of its processes in bytes, and seconds by rule."""

    memory: int
    by_rule: dict[str, float]

    @property
    def seconds(self) -> float:
        """How long all rules but the first took, before which the command starts."""
        return sum(list(self.by_rule.values())[1:])

    def slowest(self) -> str:
        """Return the slowest rules with their seconds."""
        rules = sorted(self.by_rule.items(), key=lambda item: -item[1])[:_SLOWEST]
        return "; ".join(f"{seconds:.1f} s: {rule}" for rule, seconds in rules)


def verify(services: Services) -> Verification:
    """Run the command beside a clock; raise unless every rule holds."""
    with _clock(services):
        lines: list[tuple[float, str]] = []
        process = _start(services.settings, "verify", stdout=subprocess.PIPE)

        def read() -> None:
            assert process.stdout is not None
            lines.extend((time.perf_counter(), line) for line in process.stdout)

        with process:
            began = time.perf_counter()
            reader = Thread(target=read)
            reader.start()
            usage = usage_of_family(process.pid, began)
            reader.join()
    if not usage.succeeded:
        raise RuntimeError("".join(line for _at, line in lines if not line.startswith("holds")))
    times = [began, *(at for at, _line in lines)]
    by_rule = {line.partition("  ")[2].strip(): at - before for before, (at, line) in zip(times, lines, strict=False)}
    return Verification(memory=usage.peak, by_rule=by_rule)


@contextmanager
def _clock(services: Services) -> Iterator[None]:
    """Run a clock, which the command asks for."""
    process = _start(services.settings, "clock", stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while is_clock_silent(services.engine):
            if process.poll() is not None or time.monotonic() > deadline:
                message = f"the clock did not start (status {process.returncode})"
                raise RuntimeError(message)
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


def _start(settings: Settings, command: str, stdout: int) -> "subprocess.Popen[str]":
    environment = {**os.environ, **settings.as_environment(), "PYTHONUNBUFFERED": "1"}
    arguments = [sys.executable, "-m", "webapp.cli", command]
    return subprocess.Popen(arguments, env=environment, stdout=stdout, stderr=subprocess.DEVNULL, text=True)
