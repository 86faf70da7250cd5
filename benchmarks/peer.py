"""rq-dashboard for comparison: installed in its own environment, if possible, and asked for page views."""

import subprocess
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path

PEER = Path(__file__).with_name("peer_pages.py")
PACKAGES = ("rq-dashboard==0.9.0", "six")  # it imports six without requiring it
ROUNDS = 15


def compare(
    redis: str, sizes: tuple[int, ...], ours: Callable[[str, int, Callable[[], float], int], float]
) -> dict[int, float]:
    """Return how many times as fast our page is, by number of jobs; empty if rq-dashboard cannot be installed."""
    with tempfile.TemporaryDirectory(prefix="dj-peer-") as folder:
        python = _installed(Path(folder))
        if python is None:
            return {}
        return {rows: _compare_with(python, redis, rows, ours) for rows in sizes}


def _compare_with(
    python: Path, redis: str, rows: int, ours: Callable[[str, int, Callable[[], float], int], float]
) -> float:
    process = subprocess.Popen(
        [python, PEER, redis, str(rows)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        times = ours(redis, rows, lambda: _peer_seconds(process), ROUNDS)
    finally:
        process.communicate("")
    print(f"  {rows:,} jobs: {times:.1f} times as fast as rq-dashboard's page", flush=True)
    return times


def _peer_seconds(process: "subprocess.Popen[str]") -> float:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError
    process.stdin.write("view\n")
    return float(process.stdout.readline())


def _installed(folder: Path) -> Path | None:
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    done = subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], capture_output=True, check=False)
    if done.returncode:
        print("  rq-dashboard could not be installed, so it is not measured.", flush=True)
        return None
    return python
