"""Programs of peers. RQ is in our own environment too, so nothing is installed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
from redis import Redis

from benchmarks.peers.peer_process import PeerFailed, PeerProcess, peer_process
from tests.installation import has_ended, wait_for

pytestmark = pytest.mark.exhaustive

RQ = "benchmarks.peers.rq_peer"


@contextmanager
def rq(valkey_url: str) -> Iterator[PeerProcess]:
    Redis.from_url(valkey_url).delete("rq:queue:peer")
    with peer_process(sys.executable, RQ, valkey_url) as peer:
        yield peer


def test_a_peer_creates_and_runs_jobs(valkey_url: str) -> None:
    with rq(valkey_url) as peer:
        assert peer.ask("fill", 3).result > 0
        answer = peer.ask("work", 3)
    assert answer.result > 0
    assert answer.cpu > 0


def test_a_peer_says_when_the_first_line_of_a_lone_job_ran(valkey_url: str) -> None:
    with rq(valkey_url) as peer:
        waits = peer.ask("lone", 2, 0.0, 0.0).result["waits"]
    assert len(waits) == 2
    assert all(wait > 0 for wait in waits)


def test_a_command_that_fails_shows_its_traceback_and_the_next_one_runs(valkey_url: str) -> None:
    with rq(valkey_url) as peer:
        with pytest.raises(PeerFailed, match="RQ finished 0 jobs instead of 1"):
            peer.ask("work", 1)
        assert peer.ask("fill", 1).result > 0
        peer.ask("empty")


def test_a_program_that_ends_is_named() -> None:
    with peer_process(sys.executable, "benchmarks.peers.no_such_peer") as peer, pytest.raises(PeerFailed) as failure:
        peer.ask("work", 1)
    assert "benchmarks.peers.no_such_peer" in str(failure.value)


def test_a_peer_imports_nothing_of_ours(valkey_url: str) -> None:
    command = [sys.executable, "-c", f"import sys; import {RQ}; print(*sys.modules)", "parent", valkey_url]
    loaded = subprocess.check_output(command, text=True).split()
    assert {name for name in loaded if name.startswith("webapp")} == {"webapp", "webapp.os_process"}
    assert not {"flask", "sqlalchemy"} & set(loaded)


def test_a_peer_ends_with_its_benchmark(valkey_url: str) -> None:
    reader, writer = os.pipe()
    if not (benchmark := os.fork()):
        with rq(valkey_url) as peer:
            peer.ask("empty")
            os.write(writer, b" ".join(b"%d" % child.pid for child in psutil.Process().children()))
            signal.pause()
    started = [psutil.Process(int(pid)) for pid in os.read(reader, 100).split()]
    os.kill(benchmark, signal.SIGKILL)
    os.waitpid(benchmark, 0)
    assert started
    wait_for(lambda: all(has_ended(process) for process in started))
