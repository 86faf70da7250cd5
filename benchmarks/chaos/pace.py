"""How many times as slow as an idle machine this one is now, by a process that computes a little at a time.

Other load makes every recovery slower. The bounds are for an idle machine, so they are multiplied by this factor.
"""

import subprocess
import sys
import threading
import time
from statistics import median
from typing import Self

_CPU_SECONDS = 0.01  # computed at a time
_PAUSE_SECONDS = 0.24


class Pace:
    """Measures while it is entered."""

    def __init__(self) -> None:
        self._samples: list[tuple[float, float]] = []  # when, and elapsed time divided by CPU time

    def __enter__(self) -> Self:
        """Start the process."""
        self._process = subprocess.Popen([sys.executable, "-I", __file__], stdout=subprocess.PIPE, text=True)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._thread.join()
        if self._process.stdout:
            self._process.stdout.close()

    def slowdown(self, since: float) -> float:
        """Return the median since a time of `time.time`; 1.0 is an idle machine."""
        return max(1.0, median([ratio for at, ratio in tuple(self._samples) if at >= since] or [1.0]))

    def _read(self) -> None:
        for line in self._process.stdout or ():
            at, ratio = line.split()
            self._samples.append((float(at), float(ratio)))


def main() -> None:
    """Write one sample per line until the reader is gone."""
    while True:
        began, used = time.perf_counter(), time.process_time()
        while time.process_time() - used < _CPU_SECONDS:
            pass
        ratio = (time.perf_counter() - began) / (time.process_time() - used)
        print(time.time(), ratio, flush=True)
        time.sleep(_PAUSE_SECONDS)


if __name__ == "__main__":
    main()
