"""A program that creates and runs jobs, ours or a peer's, driven by commands over pipes."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent


class PeerFailed(Exception):
    """Raised when a command failed; the message has its traceback."""


@dataclass(frozen=True)
class Answer:
    """The result of a command, and the CPU seconds of the fork that ran it with its children."""

    result: Any
    cpu: float


class PeerProcess:
    """A running program; see `commands.serve`. Several can start at the same time."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._is_ready = False

    def ask(self, command: str, *arguments: Any) -> Answer:
        """Run a command and wait for its result."""
        self.await_start()
        self._write(json.dumps([command, *arguments]))
        answer = json.loads(self._read())
        if "error" in answer:
            raise PeerFailed(answer["error"])
        return Answer(answer["result"], answer.get("cpu", 0.0))

    def await_start(self) -> None:
        """Wait until it has imported everything."""
        if not self._is_ready:
            self._read()
            self._is_ready = True

    def _read(self) -> str:
        """Return the next line of the program; raises `PeerFailed` if it has ended."""
        assert self._process.stdout is not None
        if not (line := self._process.stdout.readline()):
            message = f"{self._process.args!r} ended with status {self._process.wait()}"
            raise PeerFailed(message)
        return line

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()


@contextmanager
def peer_process(python: Path | str, module: str, *arguments: str, show_errors: bool = False) -> Iterator[PeerProcess]:
    """Start ``python -m module``; end it with everything that it started."""
    process = subprocess.Popen(
        [python, "-m", module, str(os.getpid()), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if show_errors else subprocess.DEVNULL,  # the logs of workers
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
        start_new_session=True,
    )
    try:
        yield PeerProcess(process)
    finally:
        process.communicate()
