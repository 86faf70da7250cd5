"""Work-horse processes: wait for one, kill one, and describe how one ended."""

import contextlib
import os
import signal
from dataclasses import dataclass
from resource import struct_rusage

from webapp.db.sqlite_file import FilesClosed

FILES_CLOSED = os.EX_OSFILE  # the exit status of a work-horse whose handler has closed the files of the database


@dataclass(frozen=True, slots=True, kw_only=True)
class HorseExit:
    """The end of a work-horse, as `os.wait4` reports it."""

    pid: int
    status: int
    usage: struct_rusage

    @property
    def peak_memory(self) -> int:
        """Its peak memory use in bytes."""
        return self.usage.ru_maxrss * 1024

    @property
    def sentence(self) -> str:
        """A message that describes how it ended."""
        if not os.WIFSIGNALED(self.status):
            status = os.waitstatus_to_exitcode(self.status)
            if status == FILES_CLOSED:
                return str(FilesClosed())
            return f"The process that ran this job exited with status {status}."
        name = signal.Signals(os.WTERMSIG(self.status)).name
        memory = f"{self.usage.ru_maxrss // 1024:,} MB"
        hint = f" The machine may have run out of memory: the process used up to {memory}."
        return f"The process that ran this job was killed ({name}).{hint if name == 'SIGKILL' else ''}"


def wait_for(pid: int) -> HorseExit:
    """Wait until a work-horse has ended for any reason."""
    _, status, usage = os.wait4(pid, 0)
    return HorseExit(pid=pid, status=status, usage=usage)


def kill(pid: int, sig: signal.Signals = signal.SIGKILL) -> None:
    """Kill a work-horse and the processes that its handler has started."""
    with contextlib.suppress(ProcessLookupError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, sig)
        else:
            os.kill(pid, sig)  # it has not created its process group yet
