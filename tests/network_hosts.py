"""Several machines on one: network namespaces with an address and a host name of their own, joined by a switch.

Needs root and `ip` (Debian: iproute2). Nothing of it is in the network of the machine itself.
"""

import ctypes
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from webapp.os_process import die_with_parent

_CLONE_NEWNET = 0x40000000
_c = ctypes.CDLL(None, use_errno=True)
_HERE = Path("/proc/self/ns/net")


def are_possible() -> bool:
    """Return whether this process may create network namespaces."""
    if os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("unshare") is None:
        return False
    probe = f"dj-probe-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", probe], capture_output=True, check=False).returncode:
        return False
    _ip("netns", "delete", probe)
    return True


class Host:
    """One machine: ``address`` in the network of its switch, and the processes that were started on it."""

    def __init__(self, name: str, namespace: str, address: str, port_of_switch: str, switch: str) -> None:
        self.name, self.namespace, self.address = name, namespace, address
        self._port_of_switch, self._switch = port_of_switch, switch
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str, environment: Mapping[str, str], output: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a command here, which ends with this process."""
        parent = os.getpid()
        with entered(self.namespace):
            process = subprocess.Popen(
                ["unshare", "--uts", "sh", "-c", f'hostname {self.name}; exec "$@"', "sh", *command],
                env=dict(environment),
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509  (it calls the kernel only)
            )
        self._started.append(process)
        return process

    def cut(self) -> None:
        """Cut the link: packets are lost, and nobody is told."""
        _ip("-n", self._switch, "link", "set", self._port_of_switch, "down")

    def join(self) -> None:
        """Bring the link back."""
        _ip("-n", self._switch, "link", "set", self._port_of_switch, "up")

    def slow_down(self, kilobits: int) -> None:
        """Let only so much through to the host in a second; what is more waits."""
        queue = ["tbf", "rate", f"{kilobits}kbit", "burst", "8kb", "latency", "5s"]
        subprocess.run(
            ["tc", "-n", self._switch, "qdisc", "replace", "dev", self._port_of_switch, "root", *queue], check=True
        )

    def speed_up(self) -> None:
        """Let everything through again."""
        command = ["tc", "-n", self._switch, "qdisc", "delete", "dev", self._port_of_switch, "root"]
        subprocess.run(command, check=False, stderr=subprocess.DEVNULL)

    def lose(self) -> None:
        """End every process here, as when the power fails."""
        found = subprocess.run(["ip", "netns", "pids", self.namespace], capture_output=True, text=True, check=True)
        for pid in map(int, found.stdout.split()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self._started:
            process.wait()
        self._started.clear()


class Network:
    """A switch and its hosts; `entered(network.switch)` is a place from which all of them are reached."""

    def __init__(self) -> None:
        self._prefix = f"dj{os.getpid()}"
        self.switch = f"{self._prefix}-switch"
        self._subnet = f"10.77.{os.getpid() % 200}"
        self.hosts: list[Host] = []
        _ip("netns", "add", self.switch)
        self._run("link", "set", "lo", "up")
        self._run("link", "add", "bridge", "type", "bridge")
        self._run("address", "add", f"{self._subnet}.1/24", "dev", "bridge")
        self._run("link", "set", "bridge", "up")

    def add_host(self, name: str) -> Host:
        """Connect another host."""
        number = len(self.hosts) + 2
        namespace, port = f"{self._prefix}-{name}", f"port{number}"
        address = f"{self._subnet}.{number}"
        _ip("netns", "add", namespace)
        host = Host(name, namespace, address, port, self.switch)
        self.hosts.append(host)
        self._run("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        self._run("link", "set", port, "master", "bridge")
        self._run("link", "set", port, "up")
        for command in (
            ["address", "add", f"{address}/24", "dev", "eth0"],
            ["link", "set", "eth0", "up"],
            ["link", "set", "lo", "up"],
        ):
            _ip("-n", namespace, *command)
        return host

    def close(self) -> None:
        """End everything that runs on the hosts, and remove them."""
        for host in self.hosts:
            host.lose()
            _ip("netns", "delete", host.namespace)
        _ip("netns", "delete", self.switch)

    def _run(self, *arguments: str) -> None:
        _ip("-n", self.switch, *arguments)


@contextmanager
def entered(namespace: str) -> Iterator[None]:
    """Let this thread, and what it starts and connects meanwhile, be in a network namespace."""
    with _HERE.open() as before, (Path("/run/netns") / namespace).open() as there:
        _set(there)
        try:
            yield
        finally:
            _set(before)


def _set(namespace: IO[Any]) -> None:
    if _c.setns(namespace.fileno(), _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
