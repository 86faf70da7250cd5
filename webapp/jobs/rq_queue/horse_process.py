"""Work-horse processes: fork one ahead, give it its order, wait for it, kill it, and describe how it ended.

A work-horse is forked before there is work, because a fork and what a new process does at first take longer than a
short job. It prepares and then waits for its order: the lease and the queue. Without one it has no right to run jobs
and holds nothing, so it can be killed at any time.
"""

import contextlib
import json
import logging
import os
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from resource import struct_rusage
from uuid import UUID

from webapp.db.sqlite_file import FilesClosed
from webapp.jobs.execution.output.output_pipe import OutputPipe
from webapp.jobs.execution.work_horse import Order
from webapp.os_process import die_with_parent

log = logging.getLogger(__name__)
FILES_CLOSED = os.EX_OSFILE  # the exit status of a work-horse whose handler has closed the files of the database
_ORDER_BYTES = 4096  # that a pipe passes on in one piece


AwaitOrder = Callable[[], Order | None]


class HorseProcess:
    """A forked work-horse, as its worker sees it. Fork it while the worker has a single thread.

    ``run`` is called in the child with the pipe of its output and with a function that waits for its order, and
    returns ``None`` if there will be none.
    """

    def __init__(self, run: Callable[[OutputPipe, AwaitOrder], None]) -> None:
        self.output = OutputPipe()
        reader, self._orders = os.pipe()
        worker = os.getpid()
        self.pid = os.fork()
        if not self.pid:
            _become_horse(worker, lambda: run(self.output, lambda: self._await_order(reader)))
        os.close(reader)
        self.output.close_writer()

    def begin(self, order: Order) -> bool:
        """Give the work-horse its order; return whether it was there to take it."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._orders, json.dumps([str(order.lease_id), order.queue]).encode())
            self._close_orders()
            return True
        return False

    def has_ended(self) -> bool:
        """Return whether it has ended, which a work-horse without an order does only if somebody kills it."""
        ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return ended is not None

    def dismiss(self) -> None:
        """End a work-horse that has no order."""
        kill(self.pid)
        wait_for(self.pid)
        self.close()

    def close(self) -> None:
        """Close the pipes to a work-horse that has ended."""
        self._close_orders()
        self.output.close()

    def _close_orders(self) -> None:
        if self._orders >= 0:
            os.close(self._orders)
            self._orders = -1

    def _await_order(self, reader: int) -> Order | None:
        """Wait in the child for its order, as long as it takes: until the worker closes the pipe or ends."""
        self._close_orders()  # or the pipe would never end
        with os.fdopen(reader, "rb", buffering=0) as orders:
            written = orders.read(_ORDER_BYTES)
        if not written:
            return None
        lease_id, queue = json.loads(written)
        return Order(lease_id=UUID(lease_id), queue=queue)


def _become_horse(worker: int, run: Callable[[], None]) -> None:
    """Run as a work-horse in a forked child, then exit."""
    try:
        os.setpgrp()
        die_with_parent(worker)
        random.seed()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        run()
    except FilesClosed:
        os._exit(FILES_CLOSED)
    except BaseException:
        log.exception("The work-horse failed with an internal error.")
        os._exit(1)
    os._exit(0)


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
