"""Several hosts on one machine: network namespaces with an address and a host name of their own, joined by a switch.

Needs root, and `ip`, `tc`, `unshare` and `nsenter` (Debian: iproute2, util-linux). Each namespace belongs to a process
and has no name, so nothing is left of it when that process ends, however it ends.
"""

import ctypes
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TypeVar

from webapp.os_process import die_with_parent

T = TypeVar("T")
IMPOSSIBLE = "Network namespaces need root, iproute2 and util-linux."
_PROGRAMS = ("ip", "tc", "unshare", "nsenter")
_CLONE_NEWNET = 0x40000000
_c = ctypes.CDLL(None, use_errno=True)


def are_possible() -> bool:
    """Return whether this process can create network namespaces."""
    if os.geteuid() != 0 or not all(map(shutil.which, _PROGRAMS)):
        return False
    probe = ["unshare", "--net", "--uts", "ip", "link", "add", "probe", "type", "veth"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


class Namespace:
    """A network and a host name, which exist as long as a process that does nothing."""

    def __init__(self, name: str, starter: ThreadPoolExecutor) -> None:
        self._starter = starter
        self._holder = starter.submit(_hold, name).result()

    def run(self, *arguments: str) -> None:
        """Run `ip` or `tc` here."""
        subprocess.run([*self._enter(), *arguments], check=True, capture_output=True)

    def adopt(self, interface: str, place: "Namespace") -> None:
        """Move a network interface here from another namespace."""
        place.run("ip", "link", "set", interface, "netns", str(self._holder.pid))

    def start(self, *command: str, environment: Mapping[str, str], output: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a command here, which ends with this process."""
        return self._starter.submit(_start, [*self._enter(), *command], environment, output).result()

    def call(self, function: Callable[[], T]) -> T:
        """Call a function in a thread that is here; the processes that it starts are here too."""
        return self._starter.submit(self._call, function).result()

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Let this thread, and what it starts and connects meanwhile, be here."""
        with Path("/proc/thread-self/ns/net").open() as before, self._network.open() as there:
            _set(there)
            try:
                yield
            finally:
                _set(before)

    def kill_processes(self) -> None:
        """Kill every process here."""
        mine = self._network.readlink()
        while pids := [pid for pid in _processes(mine) if pid not in {self._holder.pid, os.getpid()}]:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """End every process here, and with them the namespace."""
        self.kill_processes()
        self._holder.kill()
        self._holder.wait()

    @property
    def _network(self) -> Path:
        return Path(f"/proc/{self._holder.pid}/ns/net")

    def _enter(self) -> list[str]:
        return ["nsenter", "--target", str(self._holder.pid), "--net", "--uts", "--"]

    def _call(self, function: Callable[[], T]) -> T:
        with self.entered():
            return function()


class Host:
    """One host: ``address`` in the network of its switch, and the processes that were started on it."""

    def __init__(self, name: str, number: int, address: str, switch: Namespace, starter: ThreadPoolExecutor) -> None:
        self.name, self.address = name, address
        self._number, self._port = number, f"port{number}"
        self._switch, self._starter = switch, starter
        self._started: list[subprocess.Popen[bytes]] = []
        self.switch_on()

    def switch_on(self) -> None:
        """Connect a host without processes: at first, and after `switch_off`."""
        self._inside = Namespace(self.name, self._starter)
        self._switch.run("ip", "link", "add", self._port, "type", "veth", "peer", "name", "eth0")
        self._inside.adopt("eth0", self._switch)
        for command in (
            # the same after each start, or others send to the former one for a while
            ("link", "set", "eth0", "address", f"02:00:00:00:00:{self._number:02x}"),
            ("address", "add", f"{self.address}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("link", "set", "lo", "up"),
        ):
            self._inside.run("ip", *command)
        self._switch.run("ip", "link", "set", self._port, "master", "bridge")
        self._switch.run("ip", "link", "set", self._port, "up")
        self.is_on = True

    def switch_off(self) -> None:
        """Lose the host: its address is gone, its processes are killed, and nobody is told."""
        self.is_on = False
        self._switch.run("ip", "link", "delete", self._port)
        self._inside.close()
        self._collect()

    def start(self, *command: str, environment: Mapping[str, str], output: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a command here, which ends with this process."""
        process = self._inside.start(*command, environment=environment, output=output)
        self._started.append(process)
        return process

    def call(self, function: Callable[[], T]) -> T:
        """Call a function in a thread that is here; the processes that it starts are here too."""
        return self._inside.call(function)

    def cut(self) -> None:
        """Cut the link: packets are lost, and nobody is told."""
        self._switch.run("ip", "link", "set", self._port, "down")

    def join(self) -> None:
        """Bring the link back."""
        self._switch.run("ip", "link", "set", self._port, "up")

    def slow_down(self, kilobits: int) -> None:
        """Let only so much through to the host in a second; what is more waits."""
        queue = ["tbf", "rate", f"{kilobits}kbit", "burst", "8kb", "latency", "5s"]
        self._switch.run("tc", "qdisc", "replace", "dev", self._port, "root", *queue)

    def speed_up(self) -> None:
        """Let everything through again."""
        with suppress(subprocess.CalledProcessError):  # nothing is slow
            self._switch.run("tc", "qdisc", "delete", "dev", self._port, "root")

    def lose(self) -> None:
        """Kill every process here, which closes its connections."""
        self._inside.kill_processes()
        self._collect()

    def _collect(self) -> None:
        for process in self._started:
            process.kill()  # it may not have entered the namespace yet
            process.wait()
        self._started.clear()


class Network:
    """A switch and its hosts; from the switch all of them are reached."""

    def __init__(self) -> None:
        # The kernel ends what is started here with the thread that has started it: one lives until `close`
        self._starter = ThreadPoolExecutor(1, "hosts")
        self.switch = Namespace("switch", self._starter)
        self.hosts: list[Host] = []
        for command in (
            ("link", "set", "lo", "up"),
            ("link", "add", "bridge", "type", "bridge"),
            ("address", "add", "10.77.0.1/24", "dev", "bridge"),
            ("link", "set", "bridge", "up"),
        ):
            self.switch.run("ip", *command)

    def add_host(self, name: str) -> Host:
        """Connect another host."""
        number = len(self.hosts) + 2
        host = Host(name, number, f"10.77.0.{number}", self.switch, self._starter)
        self.hosts.append(host)
        return host

    def close(self) -> None:
        """End everything that runs on the hosts, and remove them."""
        for host in self.hosts:
            if host.is_on:
                host.switch_off()
        self.switch.close()
        self._starter.shutdown()


def _hold(name: str) -> "subprocess.Popen[bytes]":
    """Start a process in new namespaces; return it when they are there."""
    script = 'hostname "$1" && echo ready && exec sleep infinity >/dev/null'
    parent = os.getpid()
    process = subprocess.Popen(
        ["unshare", "--net", "--uts", "sh", "-c", script, "sh", name],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509  (it calls the kernel only)
    )
    assert process.stdout is not None
    with process.stdout as output:
        if not output.readline():
            raise OSError(IMPOSSIBLE)
    return process


def _start(command: list[str], environment: Mapping[str, str], output: IO[bytes]) -> "subprocess.Popen[bytes]":
    parent = os.getpid()
    return subprocess.Popen(
        command,
        env=dict(environment),
        stdout=output,
        stderr=output,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509  (it calls the kernel only)
    )


def _processes(network: Path) -> Iterator[int]:
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            with suppress(OSError):  # it has ended
                if (process / "ns" / "net").readlink() == network:
                    yield int(process.name)


def _set(namespace: IO[Any]) -> None:
    if _c.setns(namespace.fileno(), _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
