from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import Installation, installed, wait_for


@pytest.fixture(scope="module")
def installation(sqlite_template: Path, valkey_url: str) -> Iterator[Installation]:
    """Share one pool of two workers between all tests of a module; it survives what they do to it."""
    with installed(sqlite_template, valkey_url) as installation:
        installation.start("worker", "--workers", "2")
        wait_for(lambda: installation.services.wake_ups.workers_alive("default") == 2)
        yield installation
