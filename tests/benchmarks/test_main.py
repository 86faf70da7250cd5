"""`deskjob bench`: whatever happens to it, it leaves no installation."""

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.installation import PATIENCE_SECONDS, environment, wait_for

PROCESSES = 12  # when the installation of the chaos run is complete


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="dj-"))  # short, for a socket's path
    folder.chmod(0o755)  # when started as root, PostgreSQL runs as another user
    yield folder
    shutil.rmtree(folder)


def processes_of(folder: Path) -> list[psutil.Process]:
    """Return the processes whose temporary folder is this one or in it."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("TMPDIR", "").startswith(str(folder)):
                found.append(process)
    return found


@pytest.mark.exhaustive
@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_chaos_run_that_is_stopped_leaves_nothing(folder: Path, sig: signal.Signals) -> None:
    command = [sys.executable, "-m", "benchmarks", "chaos", "--short"]
    with subprocess.Popen(command, env={**environment(), "TMPDIR": str(folder)}, stdout=subprocess.DEVNULL) as process:
        wait_for(lambda: len(processes_of(folder)) >= PROCESSES)
        process.send_signal(sig)
        assert process.wait(PATIENCE_SECONDS) != 0
        wait_for(lambda: not processes_of(folder))
        wait_for(lambda: not list(folder.iterdir()))


def test_an_unknown_benchmark_is_bad_usage() -> None:
    command = [sys.executable, "-m", "benchmarks", "nonsense"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "invalid choice: 'nonsense'" in done.stderr
