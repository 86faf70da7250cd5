import io
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from webapp.jobs.files.disk_files import DiskFiles


@pytest.fixture
def files(tmp_path: Path) -> DiskFiles:
    return DiskFiles(tmp_path / "files")


def test_a_disk_that_is_full_leaves_nothing_behind(files: DiskFiles, file_size_limit: Callable[[int], Any]) -> None:
    with file_size_limit(100_000), pytest.raises(OSError, match="too large"):
        files.receive(io.BytesIO(b"x" * 200_000), "big.bin")
    assert list(files.folder.glob("*/*")) == []


def test_only_the_owner_of_the_process_can_read_files(files: DiskFiles) -> None:
    stored = files.receive(io.BytesIO(b"x"), "a")
    path = files.path(stored.id)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_symbolic_link_is_not_followed(files: DiskFiles, tmp_path: Path) -> None:
    stored = files.receive(io.BytesIO(b"x"), "a")
    secret = tmp_path / "secret"
    secret.write_text("secret")
    files.path(stored.id).unlink()
    files.path(stored.id).symlink_to(secret)
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        files.open(stored.id)
