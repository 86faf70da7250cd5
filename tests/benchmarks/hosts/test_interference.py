import random
from dataclasses import dataclass, field
from typing import Any

from benchmarks.hosts.interference import NetworkInterference
from tests.installation import wait_for

NAMES = ("database", "redis", "storage", "web", "first", "second")


@dataclass
class RecordedHost:
    """A host that notes what becomes of it."""

    name: str
    happened: list[str] = field(default_factory=list)

    def slow_down(self, kilobits: int) -> None:
        assert 128 <= kilobits <= 512
        self.happened.append("slow")

    def speed_up(self) -> None:
        self.happened.append("fast")


class RecordedInstallation:
    """Hosts that are taken away and given back."""

    def __init__(self) -> None:
        self.cluster: Any = self
        self.hosts = {name: RecordedHost(name) for name in NAMES}

    def take_away(self, host: RecordedHost) -> None:
        host.happened.append("away")

    def give_back(self, host: RecordedHost) -> None:
        host.happened.append("back")

    def restart_postgresql(self, pause: float) -> None:
        self.hosts["database"].happened.append(f"restart {0 <= pause <= 1}")


def interfering(lease_seconds: float) -> tuple[NetworkInterference, RecordedInstallation]:
    installation = RecordedInstallation()
    return NetworkInterference(installation, random.Random(7), lease_seconds=lease_seconds), installation


def test_each_fault_ends_before_the_end_is_awaited() -> None:
    interference, installation = interfering(lease_seconds=0.01)
    for name in ("narrow a link", "lose a worker host", "lose the host of a server", "lose the web host"):
        wait_for(interference.faults[name])
        interference.await_end()
    assert interference.faults["restart PostgreSQL"]()
    happened = sorted(tuple(host.happened) for host in installation.hosts.values() if host.happened)
    told = [word for host in happened for word in host]
    assert (told.count("away"), told.count("back"), told.count("slow"), told.count("fast")) == (3, 3, 1, 1)
    assert "restart True" in told


def test_a_host_has_one_fault_at_a_time() -> None:
    interference, installation = interfering(lease_seconds=1.0)
    assert interference.faults["lose the web host"]()
    assert not interference.faults["lose the web host"]()
    interference.await_end()
    assert installation.hosts["web"].happened == ["away", "back"]
