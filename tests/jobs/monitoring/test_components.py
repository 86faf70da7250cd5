"""The components of an installation are read as they are now."""

from pathlib import Path

import pytest
from redis import Redis

from webapp.jobs.monitoring.components import inspect_database, inspect_disk, inspect_redis
from webapp.services import Services


def test_the_database_names_its_kind_and_its_size(services: Services, database: str) -> None:
    info = inspect_database(services.engine)
    assert info.kind == {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[database]
    assert info.version[0].isdigit()
    assert info.bytes > 0


def test_a_redis_that_does_not_answer_has_no_information(tmp_path: Path) -> None:
    assert inspect_redis(Redis(unix_socket_path=str(tmp_path / "missing"))) is None


def test_a_redis_that_answers_has_its_memory(services: Services) -> None:
    info = inspect_redis(services.wake_ups.connection)
    assert info is not None
    assert (info.kind in {"Redis", "Valkey"}, info.bytes > 0) == (True, True)


@pytest.mark.parametrize(("folder", "exists"), [(".", True), ("missing", False)])
def test_a_disk_is_measured_if_its_folder_exists(services: Services, tmp_path: Path, folder: str, exists: bool) -> None:
    info = inspect_disk(services.engine, tmp_path / folder)
    assert (info is not None) == exists
    if info is not None:
        assert (info.files, info.bytes) == (0, 0)
        assert 0 < info.free <= info.total
