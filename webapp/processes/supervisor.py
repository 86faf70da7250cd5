"""The supervisor: starts processes in order, restarts processes that die, and stops all gracefully."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from webapp.os_process import die_with_parent
from webapp.processes.forked_process import ForkedProcess
from webapp.telemetry.process_log import ProcessLog

_LONGEST_PAUSE = 30.0
_LOG_SECONDS = 1.0  # for the last lines of a process; a program that outlives it can keep its output open
_SECOND_GRACE = 5.0  # seconds that programs have to end after a second stop request


@dataclass(kw_only=True)
class Program:
    """A process to keep running; its output goes to its own log file, see `ProcessLog`.

    Either a command line, or a function that runs in a fork of this process.
    """

    name: str
    work: list[str] | Callable[[], None]
    log: Path
    process: subprocess.Popen[bytes] | ForkedProcess | None = None
    started: float = 0.0
    pause: float = 0.5

    def __post_init__(self) -> None:
        """Prepare the log, which all processes of the program share."""
        self._log = ProcessLog(self.log)

    def start(self) -> None:
        """Start the process in a new session, so that Ctrl-C in the terminal reaches only the supervisor."""
        self.process = (
            _popen(self.work) if isinstance(self.work, list) else ForkedProcess(self.work, f"deskjob-{self.name}")
        )
        assert self.process.stdout is not None  # noqa: S101  (it was started with a pipe)
        self._log.follow(self.process.stdout)
        self.started = monotonic()

    @property
    def ended(self) -> bool:
        """Whether it was started and has ended."""
        return self.process is not None and self.process.poll() is not None

    @property
    def running(self) -> bool:
        """Whether it is running."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """Kill the process if it is running, and wait for its end."""
        self.send_signal(signal.SIGKILL)
        if self.process:
            self.process.wait()

    def finish_log(self) -> None:
        """Wait until the log has what the process wrote before it ended."""
        self._log.finish(_LOG_SECONDS)

    def send_signal(self, sig: signal.Signals) -> None:
        """Send the process a signal if it is running."""
        if self.process and self.running:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(sig)


def _popen(command: list[str]) -> subprocess.Popen[bytes]:
    parent = os.getpid()
    return subprocess.Popen(  # noqa: S603  (our own command lines)
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=lambda: die_with_parent(parent, signal.SIGTERM),  # noqa: PLW1509  (takes no lock of a thread)
    )


class Supervisor:
    """Keeps programs running until a stop is requested."""

    def __init__(self, grace_seconds: float) -> None:
        self.programs: list[Program] = []
        self._grace = grace_seconds
        self._stop = threading.Event()
        self._stop_now = threading.Event()

    def start(self, program: Program) -> None:
        """Start a program and keep it running."""
        program.start()
        self.programs.append(program)

    def request_stop(self, *_: object) -> None:
        """End `watch`; a second request cuts the grace period short. Can be used as a signal handler."""
        if self._stop.is_set():
            self._stop_now.set()
        self._stop.set()

    def watch(self) -> None:
        """Restart programs that die, with a growing pause, until a stop is requested."""
        while not self._stop.wait(0.2):
            for program in self.programs:
                if program.ended and monotonic() - program.started > program.pause:
                    program.pause = min(program.pause * 2, _LONGEST_PAUSE)
                    program.start()

    def stop(self) -> None:
        """Ask all programs to end, in reverse order of their start; kill them after the grace period."""
        first, rest = self.programs[:1], self.programs[1:]
        for group in (rest, first):
            for program in group:
                program.send_signal(signal.SIGTERM)
            self._await(group)

    def _await(self, group: Sequence[Program]) -> None:
        deadline, shortened = monotonic() + self._grace, False
        while any(program.running for program in group) and monotonic() < deadline:
            if self._stop_now.is_set() and not shortened:
                deadline, shortened = min(deadline, monotonic() + _SECOND_GRACE), True
                for program in group:
                    program.send_signal(signal.SIGTERM)  # each program treats a second SIGTERM as "stop now"
            sleep(0.02)
        for program in group:
            program.kill()
            program.finish_log()
