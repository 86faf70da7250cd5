import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.installation import PATIENCE_SECONDS, environment, has_ended, wait_for

POOL = """
import os, sys, time
from pathlib import Path
from webapp.processes.pool import Pool
folder = Path(sys.argv[1])
def work(name):
    (folder / "began").open("a").write(name + "\\n")
    if (folder / "die").exists():
        raise RuntimeError("broken")
    time.sleep(900)
def settle(name):
    (folder / "settled").open("a").write(name + "\\n")
    if (folder / "die").exists():
        raise OSError("the database is away")
Pool(2, work=work, settle=settle, grace_seconds=1).run()
"""


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[psutil.Process]:
    command = [sys.executable, "-c", POOL, str(tmp_path)]
    with subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL, start_new_session=True) as process:
        yield psutil.Process(process.pid)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def test_a_dead_worker_is_settled_and_replaced_by_one_with_another_name(pool: psutil.Process, tmp_path: Path) -> None:
    wait_for(lambda: len(lines(tmp_path / "began")) == 2)
    pool.children()[0].kill()
    wait_for(lambda: len(lines(tmp_path / "began")) == 3)
    began, (settled,) = lines(tmp_path / "began"), lines(tmp_path / "settled")
    assert settled in began[:2]
    assert len(set(began)) == 3
    assert len(pool.children()) == 2


def test_workers_that_die_together_are_all_settled_and_replaced(pool: psutil.Process, tmp_path: Path) -> None:
    wait_for(lambda: len(lines(tmp_path / "began")) == 2)
    for worker in pool.children():
        worker.kill()
    wait_for(lambda: len(lines(tmp_path / "began")) == 4 and len(lines(tmp_path / "settled")) == 2)
    assert set(lines(tmp_path / "settled")) == set(lines(tmp_path / "began")[:2])


def test_a_pool_survives_failing_workers_and_failing_settlements(pool: psutil.Process, tmp_path: Path) -> None:
    wait_for(lambda: len(lines(tmp_path / "began")) == 2)
    (tmp_path / "die").touch()
    pool.children()[0].kill()
    wait_for(lambda: len(lines(tmp_path / "began")) >= 4)
    (tmp_path / "die").unlink()
    wait_for(lambda: len(pool.children()) == 2)
    assert pool.is_running()


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_pool_ends_after_its_workers(pool: psutil.Process, tmp_path: Path, sig: signal.Signals) -> None:
    wait_for(lambda: len(lines(tmp_path / "began")) == 2)
    workers = pool.children()
    pool.send_signal(sig)
    pool.wait(PATIENCE_SECONDS)
    assert not any(worker.is_running() for worker in workers)


def test_the_workers_of_a_killed_pool_are_stopped(pool: psutil.Process, tmp_path: Path) -> None:
    wait_for(lambda: len(lines(tmp_path / "began")) == 2)
    workers = pool.children()
    pool.kill()
    wait_for(lambda: all(has_ended(worker) for worker in workers))
