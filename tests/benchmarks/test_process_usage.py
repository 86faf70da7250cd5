"""The memory of a process and its descendants is counted together."""

import subprocess
import sys
from time import perf_counter

from benchmarks.process_usage import usage_of_family

CHILD = "import subprocess, sys, time; block = b'x' * 30_000_000; "
PARENT = f"{CHILD}subprocess.run([sys.executable, '-c', {CHILD + 'time.sleep(0.5)'!r}]); sys.exit(3)"


def test_descendants_count_and_the_status_is_reported() -> None:
    process = subprocess.Popen([sys.executable, "-c", PARENT])
    usage = usage_of_family(process.pid, perf_counter())
    process.returncode = 3  # already waited for
    assert usage.peak > 60_000_000
    assert not usage.succeeded
    assert "s of processor time" in str(usage)
