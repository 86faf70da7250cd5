"""What the operating system tells about a process: memory, open files, connections and child processes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice

import psutil

_MOST_ITEMS = 100  # of each list


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessFacts:
    """The state of a process: ``state`` as `psutil` names it, ``memory`` in bytes, times in seconds."""

    state: str
    memory: int
    cpu_seconds: float
    files: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()
    children: tuple[str, ...] = ()


def process_facts(pid: int) -> ProcessFacts | None:
    """Return the facts; ``None`` if the process is gone. A list that cannot be read is empty.

    Command lines are left out, because they can contain passwords.
    """
    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        return ProcessFacts(
            state=str(process.status()),
            memory=int(process.memory_info().rss),
            cpu_seconds=times.user + times.system,
            files=_readable(lambda: (file.path for file in process.open_files())),
            connections=_readable(lambda: map(_connection, process.net_connections("inet"))),
            children=_readable(lambda: map(_child, process.children(recursive=True))),
        )
    except psutil.Error:
        return None


def _readable(read: Callable[[], Iterable[str]]) -> tuple[str, ...]:
    try:
        return tuple(islice(dict.fromkeys(read()), _MOST_ITEMS))
    except (psutil.Error, OSError):
        return ()


def _connection(connection: "psutil._common.pconn") -> str:
    local, remote = (f"{end.ip}:{end.port}" if end else "" for end in (connection.laddr, connection.raddr))
    return f"{local} → {remote} ({connection.status})" if remote else f"{local} ({connection.status})"


def _child(process: psutil.Process) -> str:
    return f"{process.name()} ({process.pid}, {process.status()})"
