import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from tests.databases import TEMPLATE, create_database, drop_database, in_database
from tests.faults.installation_under_fault import FaultyInstallation, faulty_installation


@pytest.fixture(scope="class")
def installation(
    request: pytest.FixtureRequest, valkey_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FaultyInstallation]:
    """One installation for all tests of a class, on the database that the class names."""
    folder = tmp_path_factory.mktemp("installation")
    with _database(request, folder) as url, faulty_installation(url, valkey_url, folder) as installation:
        yield installation


@contextmanager
def _database(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    if request.cls.database == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), folder / "deskjob.sqlite3")
        yield f"sqlite:///{folder / 'deskjob.sqlite3'}"
        return
    server, name = request.getfixturevalue("postgresql_server"), f"faults_{uuid4().hex}"
    create_database(server, name, TEMPLATE)
    yield in_database(server, name)
    drop_database(server, name)
