"""The supervisor: starts processes in order, restarts one that dies, stops all gracefully."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

from webapp.os_process import die_with_parent

_LONGEST_PAUSE = 30.0
_HURRY = 5.0  # seconds that programs have to end after a second request


@dataclass(kw_only=True)
class Program:
    """One process to keep running; what it prints goes to its own log file."""

    name: str
    command: list[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = 0.5

    def start(self) -> None:
        """Start it in a session of its own: a Ctrl-C in the terminal reaches the supervisor only."""
        parent = os.getpid()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603  (our own command lines)
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(parent, signal.SIGTERM),  # noqa: PLW1509  (no threads yet)
            )
        self.started = monotonic()

    @property
    def ended(self) -> bool:
        """It was started and runs no more."""
        return self.process is not None and self.process.poll() is not None

    @property
    def runs(self) -> bool:
        """It was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def end(self) -> None:
        """Kill it, if it still runs."""
        self.tell(signal.SIGKILL)
        if self.process:
            self.process.wait()

    def tell(self, sig: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self.process and self.runs:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(sig)


class Supervisor:
    """Keeps programs running until told to stop."""

    def __init__(self, grace_seconds: float) -> None:
        self.programs: list[Program] = []
        self._grace = grace_seconds
        self._stop = threading.Event()
        self._hurry = threading.Event()

    def start(self, program: Program) -> None:
        """Start a program and keep it running."""
        program.start()
        self.programs.append(program)

    def request_stop(self, *_: object) -> None:
        """End `watch`; asked once more, let nothing have its grace. Fit for a signal handler."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    def watch(self) -> None:
        """Restart what dies, with a growing pause, until a stop is requested."""
        while not self._stop.wait(0.2):
            for program in self.programs:
                if program.ended and monotonic() - program.started > program.pause:
                    program.pause = min(program.pause * 2, _LONGEST_PAUSE)
                    program.start()

    def stop(self) -> None:
        """Ask all programs to end, the first started last; after their grace they are killed."""
        first, rest = self.programs[:1], self.programs[1:]
        for group in (rest, first):
            for program in group:
                program.tell(signal.SIGTERM)
            self._await(group)

    def _await(self, group: Sequence[Program]) -> None:
        deadline, hurried = monotonic() + self._grace, False
        while any(program.runs for program in group) and monotonic() < deadline:
            if self._hurry.is_set() and not hurried:
                deadline, hurried = min(deadline, monotonic() + _HURRY), True
                for program in group:
                    program.tell(signal.SIGTERM)  # each of them takes a second one as "now"
            sleep(0.02)
        for program in group:
            program.end()
