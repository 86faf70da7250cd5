"""Dry runs for the web server: each in a process of its own, one at a time, limited in time, memory and output.

A handler is foreign code, which can hang, crash or use all memory, so it must not run in a web process. The
child is the command ``deskjob job run ID --debug``, which stops the handler at the time limit. If that does not help,
it is killed with all that it has started.
"""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from threading import BoundedSemaphore
from time import monotonic

from webapp.config import Settings
from webapp.jobs.definition.payload import Vault, payload_mask
from webapp.jobs.execution.by_hand.dry_run import RESULT, DryRunLine
from webapp.jobs.model.incoming_text import TEXT_LIMIT, clean_text
from webapp.jobs.model.job import Job
from webapp.jobs.model.secret_mask import SecretMask

SECONDS = 20.0  # of the handler
_MORE_SECONDS = 15.0  # to start, and to stop a handler that swallows its time limit
_OUTPUT_LIMIT = 1024**2  # bytes
_LINE_LIMIT = 1000
_OF_A_CLIENT = frozenset({"DESKJOB_SERVER", "DESKJOB_TOKEN"})  # with them, the command would ask the API
_CHUNK = 64 * 1024
_ROOT = Path(__file__).parents[4]  # of the `webapp` package
OUTPUT = "output"  # the kind of what the handler prints
_REPORT_START = '{"kind": '  # of the JSON of a `DryRunLine`


class DryRunBusy(Exception):
    """Raised while this process waits for another dry run."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("Another dry run is in progress. Try again when it has ended.")


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRunResult:
    """What a dry run has shown. ``completes`` says whether the job would; None if the process had to be killed."""

    lines: tuple[DryRunLine, ...]
    completes: bool | None
    sentence: str  # the result in words


class DryRunProcesses:
    """Starts dry runs; the process that runs them has the settings of this one."""

    def __init__(self, settings: Settings, vault: Vault) -> None:
        self._settings = settings
        self._vault = vault
        self._free = BoundedSemaphore(1)

    def run(self, job: Job, *, seconds: float = SECONDS) -> DryRunResult:
        """Run a job without effects and wait for the result; raise `DryRunBusy` during another one."""
        with self._place():
            output, status = self._output(job, seconds)
        lines = _lines(output, payload_mask(job.payload, self._vault))
        shown = tuple(line for line in lines if line.kind != RESULT)[-_LINE_LIMIT:]
        result = next((line.text for line in reversed(lines) if line.kind == RESULT), None)
        if status is None:
            sentence = f"It did not end within {seconds:g} s or wrote too much, so it was killed."
            return DryRunResult(lines=shown, completes=None, sentence=sentence)
        if result is None:
            sentence = f"The process that ran this job exited with status {status}."
            return DryRunResult(lines=shown, completes=False, sentence=sentence)
        return DryRunResult(lines=shown, completes=status == 0, sentence=result)

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._free.acquire(blocking=False):
            raise DryRunBusy
        try:
            yield
        finally:
            self._free.release()

    def _output(self, job: Job, seconds: float) -> tuple[bytes, int | None]:
        """Return what the child has written, and its exit status; None if it was killed here."""
        command = ["job", "run", str(job.id), "--debug", "--json", "--seconds", f"{seconds:g}"]
        process = subprocess.Popen(  # noqa: S603  (no part of it comes from a request)
            [sys.executable, "-m", "webapp.cli", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=self._environment(),
        )
        try:
            self._limit_memory(process.pid)
            deadline = monotonic() + seconds + _MORE_SECONDS
            output, ended = _read(process, deadline)
            return output, _status(process, deadline) if ended else None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what it has started, too
            process.wait()

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH", "")]))
        inherited = {name: value for name, value in os.environ.items() if name not in _OF_A_CLIENT}
        return {**inherited, **self._settings.as_environment(), "PYTHONPATH": path}

    def _limit_memory(self, pid: int) -> None:
        limit = self._settings.horse_megabytes * 1024**2
        if hasattr(resource, "prlimit"):  # Linux
            with suppress(ProcessLookupError):
                _, hard = resource.prlimit(pid, resource.RLIMIT_DATA)
                if hard != resource.RLIM_INFINITY:  # only root can raise it
                    limit = min(limit, hard)
                resource.prlimit(pid, resource.RLIMIT_DATA, (limit, limit))


def _read(process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bool]:
    """Read until the child closes its output; return whether it did so in time, and before the limit."""
    assert process.stdout is not None  # noqa: S101  (a pipe)
    output = b""
    with process.stdout as pipe, DefaultSelector() as selector:
        selector.register(pipe, EVENT_READ)
        while len(output) < _OUTPUT_LIMIT and selector.select(max(deadline - monotonic(), 0.0)):
            chunk = os.read(pipe.fileno(), _CHUNK)
            if not chunk:
                return output, True
            output += chunk
    return output[:_OUTPUT_LIMIT], False


def _status(process: subprocess.Popen[bytes], deadline: float) -> int | None:
    """Wait for the exit status; return None if the child goes on: a handler can close the output."""
    try:
        return process.wait(max(deadline - monotonic(), 0.0))
    except subprocess.TimeoutExpired:
        return None


def _lines(output: bytes, mask: SecretMask) -> list[DryRunLine]:
    found = chain.from_iterable(map(_parts, output.decode(errors="replace").splitlines()))
    return [DryRunLine(line.kind, clean_text(mask.text(line.text), TEXT_LIMIT)) for line in found]


def _parts(text: str) -> Iterator[DryRunLine]:
    """Yield what is in a line of the child: what the handler has printed, and a report, which ends the line."""
    start = max(text.rfind(_REPORT_START), 0)
    report = _report(text[start:])
    printed = text[:start] if report else text
    if printed or not report:
        yield DryRunLine(OUTPUT, printed)
    if report:
        yield report


def _report(text: str) -> DryRunLine | None:
    try:
        read = json.loads(text)
        return DryRunLine(str(read["kind"]), str(read["text"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
