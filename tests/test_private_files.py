"""The data folder is private, whoever made it and whatever the umask is."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from webapp.private_files import create_private_file, make_private_folder, private_opener


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> str:
    return f"{path.stat().st_mode & 0o777:o}"


def test_a_new_folder_is_private(tmp_path: Path) -> None:
    make_private_folder(tmp_path / "var")
    assert mode(tmp_path / "var") == "700"


def test_a_folder_that_exists_and_its_files_become_private(tmp_path: Path) -> None:
    names = ["deskjob.sqlite3", "deskjob.sqlite3-wal", "secret_key", "up.lock", "log/web.log"]
    (tmp_path / "log").mkdir(mode=0o755)
    for name in names:
        (tmp_path / name).touch(mode=0o644)
    tmp_path.chmod(0o755)
    make_private_folder(tmp_path)
    assert {mode(tmp_path), mode(tmp_path / "log")} == {"700"}
    assert {mode(tmp_path / name) for name in names} == {"600"}


def test_files_that_are_not_from_deskjob_and_links_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "notes.txt").touch(mode=0o644)
    (tmp_path / "var" / "notes.txt").touch(mode=0o644)
    (tmp_path / "var" / "secret_key").symlink_to(tmp_path / "notes.txt")
    make_private_folder(tmp_path / "var")
    assert mode(tmp_path / "notes.txt") == mode(tmp_path / "var" / "notes.txt") == "644"


def test_a_folder_of_another_user_is_named_in_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(path: Path, mode: int) -> None:
        raise PermissionError

    tmp_path.chmod(0o755)
    monkeypatch.setattr(Path, "chmod", refuse)
    make_private_folder(tmp_path)
    assert str(tmp_path) in caplog.text


def test_new_files_are_private_and_existing_ones_keep_their_content(tmp_path: Path) -> None:
    path = tmp_path / "data"
    create_private_file(path)
    with open(path, "ab", opener=private_opener) as file:
        file.write(b"kept")
    create_private_file(path)
    assert (mode(path), path.read_bytes()) == ("600", b"kept")
