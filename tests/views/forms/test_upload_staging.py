from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from webapp.jobs.store.file_store import FileStore, StoredFile
from webapp.views.forms.upload_staging import LASTS, StagedFileGone, UploadStaging

KEY = "k" * 32
ANA = UUID(int=1)


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path)


@pytest.fixture
def staging(files: FileStore) -> UploadStaging:
    return UploadStaging(files, KEY, user_id=ANA, type_name="import")


@pytest.fixture
def file(files: FileStore) -> StoredFile:
    return files.receive(BytesIO(b"content"), "ünïcode, name.csv")


def test_a_token_brings_the_file_back(staging: UploadStaging, file: StoredFile) -> None:
    assert staging.peek("data", staging.token("data", file)) == file


def test_a_token_is_bound_to_user_type_and_field(files: FileStore, staging: UploadStaging, file: StoredFile) -> None:
    token = staging.token("data", file)
    others = [
        (UploadStaging(files, KEY, user_id=uuid4(), type_name="import"), "data"),
        (UploadStaging(files, KEY, user_id=ANA, type_name="export"), "data"),
        (UploadStaging(files, "x" * 32, user_id=ANA, type_name="import"), "data"),
        (staging, "logo"),
    ]
    for other, field in others:
        with pytest.raises(StagedFileGone, match="no longer available"):
            other.peek(field, token)


@pytest.mark.parametrize("token", ["x", "a.b.c", "…", "." * 5000])
def test_a_forged_token_is_refused(staging: UploadStaging, token: str) -> None:
    with pytest.raises(StagedFileGone):
        staging.peek("data", token)


def test_a_token_runs_out(files: FileStore, staging: UploadStaging, file: StoredFile) -> None:
    later = UploadStaging(files, KEY, user_id=ANA, type_name="import", lasts=timedelta(seconds=-1))
    with pytest.raises(StagedFileGone):
        later.peek("data", staging.token("data", file))


def test_a_token_runs_out_before_the_file_is_swept() -> None:
    assert timedelta() < LASTS < timedelta(days=1)


def test_a_file_that_was_swept_is_no_longer_staged(files: FileStore, staging: UploadStaging, file: StoredFile) -> None:
    token = staging.token("data", file)
    files.remove(file.id)
    with pytest.raises(StagedFileGone):
        staging.peek("data", token)
    with pytest.raises(StagedFileGone):
        staging.take(file)


def test_each_job_gets_its_own_file(files: FileStore, staging: UploadStaging, file: StoredFile) -> None:
    one, other = staging.take(file), staging.take(file)
    assert len({file.id, one.id, other.id}) == 3
    assert replace(one, id=file.id) == file
    files.remove(file.id)
    files.remove(one.id)
    with files.open(other.id) as stream:
        assert stream.read() == b"content"


def test_a_file_is_copied_where_there_are_no_links(
    files: FileStore, staging: UploadStaging, file: StoredFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("os.link", refuse)
    with files.open(staging.take(file).id) as stream:
        assert stream.read() == b"content"
