"""Missing, damaged and orphaned files are found."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from time import time
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from tests.stored_files import stored_path
from webapp.db.engine import reading
from webapp.jobs.store.file_store import StorageUnavailable
from webapp.schema import attachments
from webapp.services import Services

pytestmark = pytest.mark.storages
Violations = Callable[..., dict[str, Any]]


def files(services: Services) -> list[Path]:
    with reading(services.engine) as connection:
        return [
            stored_path(services.files, file_id) for file_id in connection.execute(select(attachments.c.id)).scalars()
        ]


def test_a_file_of_another_size_is_found(violated_by: Callable[[str], list[str]]) -> None:
    rule = "Every downloadable file exists with its recorded size."
    assert rule in violated_by("UPDATE attachments SET size = 12")


def test_a_missing_file_is_found(
    storage: str, services: Services, history: dict[str, UUID], violations: Violations
) -> None:
    files(services)[0].unlink()
    [(count, (example,))] = violations().values()
    assert count == 1
    missing = "No such file or directory" if storage == "disk" else "The object does not exist"
    assert f"it cannot be opened ({missing})" in example


def test_a_file_with_another_content_is_found_by_a_deep_check(
    storage: str, services: Services, history: dict[str, UUID], violations: Violations
) -> None:
    files(services)[0].write_bytes(b"all is ill.")
    assert violations() == {}
    assert "its content does not match its SHA-256" in str(violations(deep=True))


def test_a_storage_that_is_away_is_said_once(
    services: Services, history: dict[str, UUID], violations: Violations, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_away(*_: object) -> None:
        raise StorageUnavailable("The file storage does not answer.")

    monkeypatch.setattr(services.files, "open", is_away)
    assert list(violations().values()) == [(1, ("The file storage does not answer.",))]


@pytest.mark.parametrize("folder", ["drafts", "ab"])
def test_an_old_file_without_a_row_is_found(
    folder: str, services: Services, history: dict[str, UUID], violations: Violations
) -> None:
    path = services.files.folder / folder / uuid4().hex
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"left behind")
    assert violations() == {}
    os.utime(path, times=(time(), time() - timedelta(days=2).total_seconds()))
    [(count, (example,))] = violations().values()
    assert (count, example) == (1, f"{folder}/{path.name}")
