from pathlib import Path

import pytest

from webapp.config import BadSettingError, load
from webapp.jobs.files.configured_files import configured_files
from webapp.jobs.files.disk_files import DiskFiles
from webapp.jobs.files.s3_files import S3Files
from webapp.jobs.files.two_places import FilesInTwoPlaces


def test_files_are_in_the_data_folder_by_default(tmp_path: Path) -> None:
    files = configured_files(load(data_dir=tmp_path))
    assert isinstance(files, DiskFiles)
    assert files.folder == tmp_path / "attachments"


def test_files_are_where_the_settings_say(tmp_path: Path) -> None:
    assert isinstance(configured_files(load(data_dir=tmp_path, storage_url="s3://bucket/a/b")), S3Files)
    both = configured_files(load(data_dir=tmp_path, storage_url="s3://bucket", storage_url_old="/srv/files"))
    assert isinstance(both, FilesInTwoPlaces)
    assert isinstance(both.new, S3Files)
    assert both.folder == Path("/srv/files")


def test_without_its_package_an_object_storage_is_refused_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "obstore.store", None)
    with pytest.raises(BadSettingError, match=r"pip install 'deskjob\[s3\]'"):
        configured_files(load(data_dir=tmp_path, storage_url="s3://bucket")).check()
