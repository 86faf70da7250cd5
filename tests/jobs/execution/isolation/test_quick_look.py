import logging
import os
import signal
import sys
from collections.abc import Callable

import pytest

from tests.jobs.execution.isolation.forked import in_child
from webapp.jobs.execution.isolation.quick_look import QuickLook

FREQUENT: dict[str, Callable[[], object]] = {
    "the working directory": lambda: os.chdir("/"),
    "a variable": lambda: os.environ.update(NEW="1"),
    "the umask": lambda: os.umask(0o011),
    "a blocked signal": lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM}),
    "logging": logging.disable,
    "the import path": lambda: sys.path.append("/"),
    "a standard stream": lambda: os.close(0),
    "the priority": lambda: os.nice(1),
}


def test_nothing_has_changed_at_first() -> None:
    assert in_child(lambda: QuickLook().finds_change()) is False


@pytest.mark.parametrize("name", FREQUENT)
def test_frequent_changes_are_found(name: str) -> None:
    def work() -> object:
        look = QuickLook()
        FREQUENT[name]()
        return look.finds_change()

    assert in_child(work) is True
