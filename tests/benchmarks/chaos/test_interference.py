import random
import threading
from typing import Any

from benchmarks.chaos.interference import FaultInjector
from tests.installation import wait_for


class NoInstallation:
    """An installation of which no process runs."""

    def children_of(self, _name: str) -> list[Any]:
        return []

    def process(self, _name: str) -> None:
        return None


def test_a_fault_that_cannot_be_injected_is_recorded_and_the_others_go_on() -> None:
    def hold() -> bool:
        raise OSError("no such file")

    faults = {"hold the write lock": hold, "cut connections": lambda: True}
    injector = FaultInjector(NoInstallation(), random.Random(7), lease_seconds=1.0, others=faults)
    thread = threading.Thread(target=injector.inject, args=(0.001,))
    thread.start()
    failed = "hold the write lock, which failed with OSError('no such file'),"
    wait_for(
        lambda: injector.injected["cut connections"] >= 2 and [name for _, name in injector.history if name == failed]
    )
    injector.stop()
    thread.join()
    assert "hold the write lock" not in injector.injected
    assert injector.injected["kill horse"] == 0
