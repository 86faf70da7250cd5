"""Hosts in network namespaces: they reach each other, and can be cut off, slowed down and lost."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from benchmarks.hosts import network
from benchmarks.hosts.network import Host, Network
from tests.installation import wait_for

pytestmark = pytest.mark.skipif(not network.are_possible(), reason=network.IMPOSSIBLE)
SERVER = "import http.server as s; s.HTTPServer(('0.0.0.0', 80), s.BaseHTTPRequestHandler).serve_forever()"


@pytest.fixture
def hosts() -> Iterator[tuple[Network, Host]]:
    """A network with a host that listens."""
    made = Network()
    try:
        yield made, made.add_host("one")
    finally:
        made.close()


@pytest.fixture
def output(tmp_path: Path) -> Iterator[IO[bytes]]:
    with (tmp_path / "output").open("wb") as file:
        yield file


def serve(host: Host, output: IO[bytes]) -> "subprocess.Popen[bytes]":
    return host.start(sys.executable, "-c", SERVER, environment=os.environ, output=output)


def answers(made: Network, host: Host) -> bool:
    with made.switch.entered(), socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host.address, 80)) == 0


def test_a_host_has_a_name_and_an_address(hosts: tuple[Network, Host], output: IO[bytes], tmp_path: Path) -> None:
    made, host = hosts
    host.start("hostname", environment=os.environ, output=output).wait()
    assert (tmp_path / "output").read_text() == "one\n"
    serve(host, output)
    wait_for(lambda: answers(made, host))


def test_a_host_that_is_cut_off_does_not_answer_until_its_link_is_back(
    hosts: tuple[Network, Host], output: IO[bytes]
) -> None:
    made, host = hosts
    server = serve(host, output)
    wait_for(lambda: answers(made, host))
    host.cut()
    assert not answers(made, host)
    host.join()
    wait_for(lambda: answers(made, host))
    assert server.poll() is None


def test_a_lost_host_comes_back_with_its_address_and_without_its_processes(
    hosts: tuple[Network, Host], output: IO[bytes]
) -> None:
    made, host = hosts
    server = serve(host, output)
    wait_for(lambda: answers(made, host))
    host.switch_off()
    assert (server.poll(), host.is_on) == (-9, False)
    assert not answers(made, host)
    host.switch_on()
    assert not answers(made, host)
    serve(host, output)
    wait_for(lambda: answers(made, host))


def test_a_link_is_narrow_until_it_is_wide_again(hosts: tuple[Network, Host]) -> None:
    _, host = hosts
    host.slow_down(256)
    assert "rate 256Kbit" in queue_of(host)
    host.speed_up()
    host.speed_up()
    assert "rate" not in queue_of(host)


def test_nothing_is_left_of_a_network(output: IO[bytes]) -> None:
    made = Network()
    host = made.add_host("one")
    server = serve(host, output)
    mine = host._inside._network.readlink()
    wait_for(lambda: server.pid in network._processes(mine))
    made.close()
    assert server.poll() == -9
    assert not list(network._processes(mine))


def queue_of(host: Host) -> str:
    command = [*host._switch._enter(), "tc", "qdisc", "show", "dev", host._port]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
