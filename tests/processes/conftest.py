from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import Installation, installed


@pytest.fixture
def installation(sqlite_template: Path, valkey_url: str) -> Iterator[Installation]:
    with installed(sqlite_template, valkey_url) as installation:
        yield installation
