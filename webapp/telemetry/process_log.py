"""The log file of a process: what the process writes, in a file that is replaced before it grows without limit."""

import logging
import threading
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO, cast

from webapp.os_process import start_thread
from webapp.private_files import private_opener

MAX_BYTES = 10 * 1024 * 1024  # of one file
OLDER_FILES = 4  # worker.log.1 is the newest of them
_LINE = 64 * 1024  # bytes; a longer line is written in parts


class ProcessLog:
    """Writes the output of processes to a file. Reads on if the file cannot be written, so that no process waits."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._threads: list[threading.Thread] = []
        self._handler = _PrivateFile(path, maxBytes=max_bytes, backupCount=OLDER_FILES, encoding="utf-8", delay=True)

    def follow(self, output: IO[bytes]) -> None:
        """Write what a process prints, in a thread of its own, until the process and its children have ended."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        self._threads.append(start_thread(lambda: self._copy(output), "log"))

    def finish(self, seconds: float) -> None:
        """Wait until everything is written, for at most ``seconds``; call it when the process has ended."""
        for thread in self._threads:
            thread.join(seconds)
        self._handler.close()  # a later line opens it again

    def _copy(self, output: IO[bytes]) -> None:
        with output:
            while line := output.readline(_LINE):
                text = line.decode(errors="backslashreplace").removesuffix("\n")
                self._handler.handle(logging.LogRecord("", logging.INFO, "", 0, text, None, None))


class _PrivateFile(RotatingFileHandler):
    """Files that only their owner can read."""

    def _open(self) -> TextIOWrapper:
        return cast(TextIOWrapper, open(self.baseFilename, self.mode, encoding=self.encoding, opener=private_opener))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (as logging calls it)
        """Drop the line: the disk is full, or the folder is gone."""
