"""What a job leaves behind in its process that cannot be undone: threads, processes, open files, memory."""

import _thread
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from weakref import finalize

from webapp.jobs.execution.isolation.child_processes import children, comes_true, end_children
from webapp.jobs.execution.isolation.peak_memory import peak_memory

_FILES = "/proc/self/fd"
_STATM = Path("/proc/self/statm")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MOST_NAMED = 5
_MOST_DESCRIPTORS = 8  # that libraries may keep open: connections, pipes of an event loop


class Leftovers:
    """Compares the process after a job with its state before the job; see `find`.

    ``most_memory`` is how many bytes it may grow.
    """

    def __init__(self, most_memory: int) -> None:
        self._most_memory = most_memory
        self._memory = _memory()
        self._threads = frozenset(threading.enumerate())
        self._thread_count = _thread_count()
        self._children = children()
        self._folder = -1
        if os.path.isdir(_FILES):  # noqa: PTH112
            self._folder = os.open(_FILES, os.O_RDONLY)  # kept open: to find it costs more than to read it
            finalize(self, os.close, self._folder)
        self._count: int | None = None  # of the open files
        self._files: dict[int, str] = {}

    def start_job(self) -> None:
        """Record the open files before the first job."""
        if self._count is None:
            self._count, self._files = self._file_count(), _open_files()

    def end_processes(self) -> bool:
        """End the processes that a job has left; return whether there were any."""
        return end_children(self._children)

    def find(self) -> Iterator[str]:
        """Yield what a job has left behind; its processes have been ended before."""
        if _thread_count() > self._thread_count and self._has_threads():
            yield "threads"
        if (count := self._file_count()) != self._count:
            yield from self._compare_files()
            self._count = count
        # the peak tells most often, without opening a file, that the memory is free again
        if peak_memory() - self._memory > self._most_memory and _memory() - self._memory > self._most_memory:
            yield "memory"

    def _file_count(self) -> int:
        """Count the open files; recent kernels report the number directly."""
        try:
            return os.fstat(self._folder).st_size or len(os.listdir(_FILES))  # noqa: PTH208  (for every job)
        except OSError:
            return -1  # a job has closed it, or there is no such folder

    def _has_threads(self) -> bool:
        if frozenset(threading.enumerate()) - self._threads:
            return True
        return not comes_true(lambda: _thread_count() <= self._thread_count)  # one that was joined ends a bit later

    def _compare_files(self) -> Iterator[str]:
        now = _open_files()
        if closed := self._files.keys() - now.keys():
            yield _named("closed files", [self._files[number] for number in closed])
        new = {number: now[number] for number in now.keys() - self._files.keys()}
        if self._are_a_jobs(new):
            yield _named("open files", list(new.values()))
        self._files = now

    def _are_a_jobs(self, new: Mapping[int, str]) -> bool:
        """Return whether files were opened by a job, and not by the engine, for example a database connection."""
        known = set(self._files.values())
        paths = [path for path in new.values() if path.startswith("/") and not path.startswith(("/dev/", "/proc/"))]
        return len(new) > _MOST_DESCRIPTORS or any(path not in known for path in paths) or any(map(_listens, new))


def _named(what: str, files: list[str]) -> str:
    """Return what was found with the first files that show it, for example "open files (/tmp/report, socket:[2])"."""
    more = ["…"] if len(files) > _MOST_NAMED else []
    return f"{what} ({', '.join(sorted(files)[:_MOST_NAMED] + more)})"


def _thread_count() -> int:
    """Count the threads that run Python code, including those that `threading` does not know."""
    return _thread._count()  # noqa: SLF001


def _memory() -> int:
    try:
        with _STATM.open("rb", buffering=0) as file:
            return int((file.read(100) or b"0 0").split()[1]) * _PAGE
    except OSError:
        return 0  # not Linux: only the peak counts, see `Budget.megabytes`


def _open_files() -> dict[int, str]:
    found: dict[int, str] = {}
    for name in os.listdir(_FILES) if os.path.isdir(_FILES) else ():  # noqa: PTH112, PTH208
        with suppress(OSError):  # the folder itself was open while it was listed
            found[int(name)] = os.readlink(f"{_FILES}/{name}")  # noqa: PTH115
    return found


def _listens(number: int) -> bool:
    """Return whether a file is a server's socket."""
    try:
        probe = socket.socket(fileno=number)
    except OSError:
        return False
    try:
        return bool(probe.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    finally:
        probe.detach()  # it stays open
