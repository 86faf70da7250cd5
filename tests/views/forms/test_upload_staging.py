from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from uuid import UUID, uuid4

import pytest

from tests.stored_files import everything
from webapp.jobs.store.file_store import FileStore, StoredFile
from webapp.views.forms import upload_staging
from webapp.views.forms.upload_staging import LASTS, StagedFileGone, UploadStaging

KEY = "k" * 32
ANA = UUID(int=1)
pytestmark = pytest.mark.storages


@pytest.fixture
def staging(files: FileStore) -> UploadStaging:
    return UploadStaging(files, [KEY], user_id=ANA, type_name="import")


@pytest.fixture
def small_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_staging, "QUOTA", 25)


@pytest.fixture
def file(files: FileStore) -> StoredFile:
    return files.receive(BytesIO(b"content"), "ünïcode, name.csv")


def test_a_token_brings_the_file_back(staging: UploadStaging, file: StoredFile) -> None:
    assert staging.peek("data", staging.token("data", file)) == file


def test_a_token_is_bound_to_user_type_and_field(files: FileStore, staging: UploadStaging, file: StoredFile) -> None:
    token = staging.token("data", file)
    others = [
        (UploadStaging(files, [KEY], user_id=uuid4(), type_name="import"), "data"),
        (UploadStaging(files, [KEY], user_id=ANA, type_name="export"), "data"),
        (UploadStaging(files, ["x" * 32], user_id=ANA, type_name="import"), "data"),
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
    later = UploadStaging(files, [KEY], user_id=ANA, type_name="import", lasts=timedelta(seconds=-1))
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


def stored(files: FileStore, content: bytes) -> StoredFile:
    return files.receive(BytesIO(content), "a.csv")


@pytest.mark.usefixtures("small_quota")
def test_beyond_the_quota_the_files_of_the_oldest_forms_are_deleted(files: FileStore, staging: UploadStaging) -> None:
    forms = [stored(files, b"ten bytes.") for _ in range(5)]
    for file in forms:
        staging.stage([file])
    assert [files.has(file.id) for file in forms] == [False, False, False, True, True]
    with pytest.raises(StagedFileGone):
        staging.peek("data", staging.token("data", forms[0]))


@pytest.mark.usefixtures("small_quota")
def test_the_files_of_the_last_form_are_kept_whatever_their_size(files: FileStore, staging: UploadStaging) -> None:
    earlier, large, other = stored(files, b"earlier"), stored(files, b"x" * 100), stored(files, b"y" * 100)
    staging.stage([earlier])
    staging.stage([large, other])
    assert [files.has(file.id) for file in (earlier, large, other)] == [False, True, True]


@pytest.mark.usefixtures("small_quota")
def test_the_files_of_other_forms_are_deleted_first(files: FileStore, staging: UploadStaging) -> None:
    kept, other, new, of_a_job = (stored(files, b"ten bytes.") for _ in range(4))
    staging.stage([kept])
    staging.stage([other])
    staging.stage([new], earlier={kept.id, of_a_job.id})
    assert [files.has(file.id) for file in (kept, other, new)] == [True, False, True]
    assert of_a_job.id not in dict(files.staged(ANA))


@pytest.mark.usefixtures("small_quota")
def test_the_files_of_this_form_are_kept_if_the_clock_stands_still(
    files: FileStore, staging: UploadStaging, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, other, new = (stored(files, b"ten bytes.") for _ in range(3))
    for file in (kept, other):
        staging.stage([file])
    monkeypatch.setattr(files, "staged", lambda _user: [(file.id, 10) for file in (other, new, kept)])
    staging.stage([new], earlier={kept.id})
    assert [files.has(file.id) for file in (kept, other, new)] == [True, False, True]


@pytest.mark.usefixtures("small_quota")
def test_a_form_without_a_new_file_deletes_nothing_within_the_quota(files: FileStore, staging: UploadStaging) -> None:
    file = stored(files, b"ten bytes.")
    staging.stage([file])
    staging.stage([])
    assert files.has(file.id)


@pytest.mark.usefixtures("small_quota")
def test_each_user_has_a_quota_for_all_job_types(files: FileStore, staging: UploadStaging) -> None:
    other_type = UploadStaging(files, [KEY], user_id=ANA, type_name="export")
    other_user = UploadStaging(files, [KEY], user_id=uuid4(), type_name="import")
    one, two, three = (stored(files, b"x" * 20) for _ in range(3))
    staging.stage([one])
    other_user.stage([two])
    other_type.stage([three])
    assert [files.has(file.id) for file in (one, two, three)] == [False, True, True]


def test_a_swept_file_does_not_count(files: FileStore, staging: UploadStaging, file: StoredFile) -> None:
    staging.stage([file])
    files.remove(file.id)
    assert files.staged(ANA) == []
    assert everything(files) == []


def test_after_the_key_was_replaced_a_form_still_has_its_files(
    files: FileStore, staging: UploadStaging, file: StoredFile
) -> None:
    after = UploadStaging(files, ["n" * 32, KEY], user_id=ANA, type_name="import")
    assert after.peek("data", staging.token("data", file)) == file
