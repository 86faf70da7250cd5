import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.stored_files import everything
from webapp.operations import backup
from webapp.operations.backup import back_up, write_key
from webapp.operations.backup_format import MANIFEST, BadBackup, rows_name
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


@pytest.mark.dialect(both=True)
def test_a_backup_shows_one_moment(installation: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    created: list[Any] = []
    written = backup.write_rows

    def meanwhile(file: Any, table: Any, rows: Any) -> int:
        if not created:
            rows = iter([*rows])  # the snapshot has begun
            created.append(installation.jobs.create_job("letter"))
        return written(file, table, rows)

    monkeypatch.setattr(backup, "write_rows", meanwhile)
    manifest = back_up(installation, tmp_path / "backup.zip")
    assert manifest.rows["jobs"] == len(installation.queries.all_jobs.newest(100)) - 1
    assert str(created[0].id).replace("-", "").encode() not in content(tmp_path / "backup.zip", "events")


def content(path: Path, table: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(rows_name(table))


def test_only_its_owner_can_read_it_and_sessions_are_left_out(installation: Services, tmp_path: Path) -> None:
    manifest = back_up(installation, tmp_path / "backup.zip")
    assert stat.S_IMODE((tmp_path / "backup.zip").stat().st_mode) == 0o600
    assert "sessions" not in manifest.rows
    assert (manifest.files, manifest.missing_files) == (3, 0)
    assert [path.name for path in tmp_path.glob("*backup*")] == ["backup.zip"]


def test_files_can_be_left_out(installation: Services, tmp_path: Path) -> None:
    manifest = back_up(installation, tmp_path / "backup.zip", with_files=False)
    with zipfile.ZipFile(tmp_path / "backup.zip") as archive:
        assert not [name for name in archive.namelist() if name.startswith("files/")]
    assert (manifest.with_files, manifest.files) == (False, 3)


def test_files_that_are_gone_are_counted(installation: Services, tmp_path: Path) -> None:
    for path in everything(installation.files):
        path.unlink()
    assert back_up(installation, tmp_path / "backup.zip").missing_files == 3


def test_an_existing_file_is_never_overwritten(installation: Services, tmp_path: Path) -> None:
    (tmp_path / "backup.zip").write_text("the last one")
    for write in (lambda path: back_up(installation, path), lambda path: write_key("k" * 32, path)):
        with pytest.raises(BadBackup, match="exists already"):
            write(tmp_path / "backup.zip")
    assert (tmp_path / "backup.zip").read_text() == "the last one"


def test_a_failed_backup_leaves_nothing(
    installation: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "write_rows", full)
    with pytest.raises(BadBackup, match="cannot be written: No space left on device"):
        back_up(installation, tmp_path / "backup.zip")
    assert list(tmp_path.glob("*backup*")) == []
    with pytest.raises(BadBackup, match="cannot be written"):
        back_up(installation, tmp_path / "nowhere" / "backup.zip")


def test_the_manifest_is_written_last_and_names_no_secret(installation: Services, tmp_path: Path) -> None:
    back_up(installation, tmp_path / "backup.zip")
    with zipfile.ZipFile(tmp_path / "backup.zip") as archive:
        assert archive.namelist()[-1] == MANIFEST
        assert installation.secret_key.encode() not in archive.read(MANIFEST)


def test_the_key_is_written_for_its_owner_only(tmp_path: Path) -> None:
    write_key("k" * 32, tmp_path / "key")
    assert ((tmp_path / "key").read_text(), stat.S_IMODE((tmp_path / "key").stat().st_mode)) == ("k" * 32, 0o600)
