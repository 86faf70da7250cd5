"""A fork of this process that runs a function: it starts in a moment, and shares the memory of what is imported."""

import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable
from typing import BinaryIO, NoReturn

from webapp.os_process import die_with_parent, name_process

_STOPS = {signal.SIGTERM, signal.SIGINT}


class ForkEndedError(RuntimeError):
    """Raised when a fork has ended without saying how its work went, for example because it was killed."""


def call_in_fork(work: Callable[[], object]) -> None:
    """Call ``work`` in a fork, wait for its end, and raise what it has raised.

    What it imports and allocates does not stay in the memory of this process.
    """
    reader, writer = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if not pid:
        _call(work, writer, parent)
    os.close(writer)
    with os.fdopen(reader, "rb") as answers:
        answer = answers.read()
    os.waitpid(pid, 0)
    if not answer:
        message = "The process has ended before its work was done."
        raise ForkEndedError(message)
    if (error := pickle.loads(answer)) is not None:  # noqa: S301  (from the fork)
        raise error


def _call(work: Callable[[], object], writer: int, parent: int) -> NoReturn:
    error: BaseException | None = None
    try:
        die_with_parent(parent)
        work()
    except BaseException as raised:  # noqa: BLE001  (the parent raises it)
        error = raised
    try:
        with os.fdopen(writer, "wb") as answers:
            answers.write(pickle.dumps(error))
    except BaseException:  # noqa: BLE001  (the end of the process)
        traceback.print_exception(error)
    finally:
        os._exit(0)


class ForkedProcess:
    """The running fork, with the part of `subprocess.Popen` that a supervisor uses."""

    def __init__(self, work: Callable[[], None], name: str) -> None:
        """Run ``work`` in a session of its own, with its output in a pipe and the name that `ps` and `top` show."""
        reader, writer = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)  # until the fork has handlers of its own
        self.pid = os.fork()
        if not self.pid:
            _run(work, name, parent=parent, output=writer)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(writer)
        self.stdout: BinaryIO = os.fdopen(reader, "rb")
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal; ``None`` while it runs."""
        return self._await(os.WNOHANG)

    def wait(self) -> int:
        """Wait for its end; return the exit status."""
        status = self._await(0)
        assert status is not None  # noqa: S101  (it has ended)
        return status

    def send_signal(self, sig: signal.Signals) -> None:
        """Send a signal if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def _await(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def _run(work: Callable[[], None], name: str, *, parent: int, output: int) -> NoReturn:
    status = 1
    try:
        os.setsid()  # Ctrl-C in the terminal reaches only the parent
        _redirect(output)
        name_process(name)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
        die_with_parent(parent, signal.SIGTERM)
        work()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  (the end of the process)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _redirect(output: int) -> None:
    """Leave the fork three open files: nothing to read, and the pipe for both outputs, line by line."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # also the parent's locks and connections
    sys.stdout = os.fdopen(1, "w", buffering=1, errors="backslashreplace", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
