"""`deskjob` commands in forks of a server that has imported everything: they start in a moment.

The server and the forks are real processes. `test_up.py` and the tests of the command line start Python itself.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing import forkserver
from pathlib import Path

from webapp.os_process import die_with_parent

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__, "webapp.cli.processes", "webapp.cli.serve", "tests.jobs.fake_types"])


class ForkedCommand:
    """A running command, with the interface of `subprocess.Popen`."""

    def __init__(self, words: tuple[str, ...], environment: Mapping[str, str], output: Path) -> None:
        self._words = words
        self._process = _context.Process(target=_run, args=(words, dict(environment), str(output)))
        self._process.start()
        self.pid: int = self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self._words, timeout or 0)
        return self._process.exitcode

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it has ended, and the server has not told that yet
                os.kill(self.pid, sig)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _run(words: tuple[str, ...], environment: dict[str, str], output: str) -> None:
    from webapp import fault_injection  # noqa: PLC0415  (in the fork, where it is imported already)
    from webapp.cli import main  # noqa: PLC0415

    _end_with_the_tests()
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    if folder := environment.get(fault_injection.SETTING):
        fault_injection.arm(Path(folder))
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(file, stream)
    sys.argv = ["deskjob", *words]
    main()


def _end_with_the_tests() -> None:
    """Let the server end when the tests are killed, and this command with the server.

    A command inherits the pipe whose other end the server watches, so the server would last as long as the command.
    """
    os.close(forkserver._forkserver._forkserver_alive_fd)
    die_with_parent(os.getppid())
