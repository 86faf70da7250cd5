"""Work-horse processes: fork one ahead, give it orders, wait for it, kill it, and describe how it ended.

A work-horse is forked before there is work, because a fork and what a new process does at first take longer than a
short job. It prepares and then waits for its order: the lease and the queue. Without one it has no right to run jobs
and holds nothing, so it can be killed at any time. When it has carried out an order and is as good as new, it says so
and waits for the next one.
"""

import contextlib
import json
import logging
import os
import random
import select
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from resource import struct_rusage
from uuid import UUID

from webapp.db.sqlite_file import FilesClosed
from webapp.fault_injection import faultpoint
from webapp.jobs.execution.output.output_pipe import OutputPipe
from webapp.jobs.execution.process_snapshots.stack_channel import StackChannel
from webapp.jobs.execution.work_horse import Order
from webapp.jobs.rq_queue.memory_kills import count_memory_kills
from webapp.os_process import die_with_parent

log = logging.getLogger(__name__)
FILES_CLOSED = os.EX_OSFILE  # the exit status of a work-horse whose handler has closed the files of the database
_ORDER_BYTES = 4096  # that a pipe passes on in one piece


AwaitOrder = Callable[[], Order | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class HorseExit:
    """The end of a work-horse, as `os.wait4` reports it."""

    pid: int
    status: int
    usage: struct_rusage
    memory_ran_out: bool = False  # the kernel has killed it for that

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
        if self.memory_ran_out:
            return f"The kernel killed the process that ran this job, because memory ran out: it used up to {memory}."
        hint = f" The machine may have run out of memory: the process used up to {memory}."
        return f"The process that ran this job was killed ({name}).{hint if name == 'SIGKILL' else ''}"


class HorseProcess:
    """A forked work-horse, as its worker sees it. Fork it while the worker has a single thread.

    ``run`` is called in the child with the pipe of its output and with a function that waits for an order, and
    returns ``None`` if there will be none.
    """

    def __init__(self, run: Callable[[OutputPipe, AwaitOrder], None]) -> None:
        self.output = OutputPipe()
        self.stacks = StackChannel()
        read_orders, self._orders = os.pipe()
        self._reports, report = os.pipe()
        worker = os.getpid()
        self._memory_kills = count_memory_kills()
        self.pid = os.fork()
        if not self.pid:
            os.close(self._orders)
            os.close(self._reports)
            _become_horse(worker, lambda: self._run(run, _Orders(read_orders, report)))
        os.close(read_orders)
        os.close(report)
        self.output.close_writer()
        self.stacks.close_horse_end()
        self._end = _pidfd_open(self.pid)

    def _run(self, run: Callable[[OutputPipe, AwaitOrder], None], orders: "_Orders") -> None:
        self.stacks.answer()
        run(self.output, orders.next)

    def begin(self, order: Order) -> bool:
        """Give the work-horse an order; return whether it was there to take it."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._orders, json.dumps([str(order.lease_id), order.queue]).encode())
            return True
        return False

    def wait(self) -> HorseExit | None:
        """Wait until it has ended for any reason, or waits for another order (``None``)."""
        if self._end is None:
            return self._collect()
        poll = select.poll()
        poll.register(self._end, select.POLLIN)
        poll.register(self._reports, select.POLLIN)
        ready = dict(poll.poll())
        if self._end not in ready and os.read(self._reports, 1):
            return None
        return self._collect()

    def has_ended(self) -> bool:
        """Return whether it has ended, which a work-horse without an order does only if somebody kills it."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def dismiss(self) -> None:
        """End a work-horse that has no order."""
        kill(self.pid)
        wait_for(self.pid)
        self.close()

    def _collect(self) -> HorseExit:
        ended = wait_for(self.pid)
        was_killed = os.WIFSIGNALED(ended.status) and os.WTERMSIG(ended.status) == signal.SIGKILL
        return replace(ended, memory_ran_out=was_killed and count_memory_kills() > self._memory_kills)

    def close(self) -> None:
        """Close the pipes to a work-horse that has ended."""
        for number in filter(None, (self._orders, self._reports, self._end)):
            os.close(number)
        self.output.close()
        self.stacks.close()


class _Orders:
    """The orders, as the work-horse sees them."""

    def __init__(self, orders: int, report: int) -> None:
        self._orders = orders
        self._report = report
        self._has_had_one = False

    def next(self) -> Order | None:
        """Wait for an order, as long as it takes; ``None`` if the worker has closed the pipe."""
        if self._has_had_one:
            if not _can_report():
                return None
            faultpoint("horse.ready")
            os.write(self._report, b"r")
        written = os.read(self._orders, _ORDER_BYTES)
        if not written:
            return None
        self._has_had_one = True
        lease_id, queue = json.loads(written)
        faultpoint("horse.begin")
        return Order(lease_id=UUID(lease_id), queue=queue)


def _can_report() -> bool:
    """Return whether the worker can wait for the end of a process and for its report at the same time (Linux)."""
    return hasattr(os, "pidfd_open")


def _pidfd_open(pid: int) -> int | None:
    return os.pidfd_open(pid) if _can_report() else None


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
