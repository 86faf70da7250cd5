"""What a process and its descendants use: time, processor time and memory."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep

SAMPLING = 0.05  # seconds between two measurements of the memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Seconds, seconds of processor time, and the most memory of all processes together in bytes."""

    seconds: float
    cpu: float
    peak: int
    succeeded: bool

    def __str__(self) -> str:
        """Return the figures for people."""
        return f"{self.seconds:.1f} s, {self.cpu:.1f} s of processor time, {self.peak / 1e6:.0f} MB"


def usage_of_family(pid: int, began: float) -> Usage:
    """Wait for a child of this process that started at ``began``. Pages that processes share count once (PSS)."""
    peak = 0
    while True:
        found, status, usage = os.wait4(pid, os.WNOHANG)
        if found:
            break
        peak = max(peak, sum(map(_pss, _family(pid))))
        sleep(SAMPLING)
    cpu = usage.ru_utime + usage.ru_stime
    return Usage(seconds=perf_counter() - began, cpu=cpu, peak=peak, succeeded=status == 0)


def _family(pid: int) -> Iterator[int]:
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _pss(pid: int) -> int:
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("Pss:")).split()[1])
    return 0
