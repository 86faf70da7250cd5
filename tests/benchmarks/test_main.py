"""`deskjob bench`: whatever happens to it, it leaves no processes and no files."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from benchmarks.hosts import network
from benchmarks.peers import environment as peers
from tests.installation import PATIENCE_SECONDS, environment, has_ended, wait_for

PROCESSES = 12  # when the installation of the chaos run is complete
HOSTS = 7  # the processes of its hosts and their switch


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="dj-"))  # short, for a socket's path
    folder.chmod(0o755)  # when started as root, PostgreSQL runs as another user
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the peers run in our own environment, which has RQ, so that none is installed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    place = peers.location()
    (place / "bin").mkdir(parents=True)
    (place / "complete").touch()
    (place / "bin" / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (place / "bin" / "python").chmod(0o755)


def processes_of(folder: Path) -> list[psutil.Process]:
    """Return the processes whose temporary folder is this one or in it."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("TMPDIR", "").startswith(str(folder)):
                found.append(process)
    return found


def runs_a_peer(started: list[psutil.Process]) -> bool:
    with suppress(psutil.Error):
        return any("benchmarks.peers." in " ".join(process.cmdline()) for process in started)
    return False


def stop(command: str, folder: Path, sig: signal.Signals, when: Callable[[list[psutil.Process]], bool]) -> None:
    """Run a benchmark, send it a signal, and check that nothing is left."""
    words = [sys.executable, "-m", "benchmarks", *command.split(), "--short"]
    settings = {**environment(), "TMPDIR": str(folder), "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", "")}
    with subprocess.Popen(words, env=settings, stdout=subprocess.DEVNULL) as process:

        def started() -> list[psutil.Process]:
            return psutil.Process(process.pid).children(recursive=True)  # type: ignore[no-any-return]

        wait_for(lambda: when(started()))
        seen = started()  # also those that hide their environment, such as Valkey
        process.send_signal(sig)
        assert process.wait(PATIENCE_SECONDS) != 0
        wait_for(lambda: all(map(has_ended, seen)) and not processes_of(folder))
        wait_for(lambda: not list(folder.iterdir()))


@pytest.mark.exhaustive
@pytest.mark.usefixtures("own_environment")
def test_a_killed_benchmark_leaves_neither_peers_nor_servers(folder: Path) -> None:
    stop("create", folder, signal.SIGKILL, runs_a_peer)


@pytest.mark.exhaustive
@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_chaos_run_that_is_stopped_leaves_nothing(folder: Path, sig: signal.Signals) -> None:
    stop("chaos", folder, sig, lambda started: len(started) >= PROCESSES)


@pytest.mark.exhaustive
@pytest.mark.skipif(not network.are_possible(), reason=network.IMPOSSIBLE)
@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_chaos_run_on_hosts_that_is_stopped_leaves_no_network(folder: Path, sig: signal.Signals) -> None:
    """A network exists as long as a process in it."""
    stop("chaos --hosts", folder, sig, lambda started: len(started) >= PROCESSES + HOSTS)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("name", "sig"), [("executor", signal.SIGKILL), ("all", signal.SIGTERM)])
def test_a_stopped_comparison_leaves_no_peer(folder: Path, name: str, sig: signal.Signals) -> None:
    if peers.python() is None:
        pytest.skip("the peers cannot be installed here")
    stop(name, folder, sig, runs_a_peer)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["dataset", "fair", "pages", "rows"])  # forked jobs, forked workers, PostgreSQL in use
def test_a_killed_benchmark_leaves_nothing(folder: Path, name: str) -> None:
    stop(name, folder, signal.SIGKILL, lambda started: len(started) > 2)  # more than the reaper and the benchmark


def test_only_the_chaos_run_is_for_hosts() -> None:
    command = [sys.executable, "-m", "benchmarks", "create", "--hosts"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--hosts is an option of the chaos run" in done.stderr


def test_an_unknown_benchmark_is_bad_usage() -> None:
    command = [sys.executable, "-m", "benchmarks", "nonsense"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "invalid choice: 'nonsense'" in done.stderr
