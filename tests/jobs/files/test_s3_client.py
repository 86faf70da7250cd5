"""Requests to a real S3 server, and what users read when it is away or its settings are wrong."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Any
from uuid import uuid4

import pytest

from benchmarks.s3_server import S3Server
from tests.installation import wait_for
from webapp.config import load
from webapp.jobs.files.configured_files import configured_files
from webapp.jobs.files.s3_client import PART
from webapp.jobs.files.s3_files import S3Files
from webapp.jobs.store.file_store import FileStore, StorageUnavailable

Make = Callable[..., S3Files]


@pytest.fixture
def make_files(s3_place: dict[str, Any], tmp_path: Path) -> Make:
    """Return the files of an installation with these settings, which soon gives up on a server that is away."""

    def make(*, is_patient: bool = False, **changes: Any) -> S3Files:
        files = configured_files(load(data_dir=tmp_path, **{**s3_place, **changes}))
        assert isinstance(files, S3Files)
        if not is_patient:
            files.retry_for(0.1)
        return files

    return make


def uses(files: FileStore) -> list[Callable[[], object]]:
    """Return everything that needs the server."""
    return [
        files.check,
        lambda: files.receive(b"small", "a"),
        lambda: files.receive(b"x" * (PART + 1), "large"),
        lambda: files.open(uuid4()),
        lambda: files.has(uuid4()),
        lambda: files.link(uuid4()),
        lambda: files.remove(uuid4()),
        lambda: files.stage(uuid4(), uuid4()),
        lambda: files.staged(uuid4()),
    ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"storage_secret_key": "wrong"}, "The file storage (rejects the secret key|denies access to the bucket)"),
        (
            {"storage_access_key": "wrong"},
            "The file storage (does not know the access key|denies access)",
        ),
        ({"storage_url": "s3://no-such-bucket/x"}, "The bucket no-such-bucket .* does not exist|denies access"),
        ({"storage_endpoint": "http://127.0.0.1:1"}, r"The file storage does not answer\. No file is lost"),
        ({"storage_endpoint": "http://no-such-host.invalid"}, r"The file storage does not answer\. No file is lost"),
    ],
)
def test_a_wrong_setting_is_a_sentence_whatever_is_done(
    make_files: Make, changes: dict[str, Any], sentence: str
) -> None:
    for use in uses(make_files(**changes)):
        with pytest.raises(StorageUnavailable, match=sentence):
            use()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"storage_secret_key": "wrong"}, r"The file storage rejects the secret key\."),
        ({"storage_access_key": "wrong"}, r"The file storage does not know the access key\."),
        ({"storage_url": "s3://no-such-bucket/x"}, r"The bucket no-such-bucket of the file storage does not exist\."),
    ],
)
def test_a_check_names_the_very_setting(make_files: Make, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StorageUnavailable, match=sentence):
        make_files(**changes).check()


@pytest.mark.exhaustive
def test_a_server_that_goes_away_loses_no_complete_file(s3_server: S3Server, make_files: Make) -> None:
    patient, files = make_files(is_patient=True), make_files()
    small, large = patient.receive(b"small", "a"), patient.receive(os.urandom(PART + 1), "b")
    with files.new_file() as draft:
        draft.write(b"x" * (PART + 1))
        s3_server.stop()
        try:
            for use in uses(files):
                with pytest.raises(StorageUnavailable, match=r"does not answer|connection to the file storage broke"):
                    use()
            with pytest.raises(StorageUnavailable):
                draft.keep("c")
        finally:
            s3_server.start()
    files = make_files()

    def has_everything() -> bool:
        try:
            with files.open(small.id) as one, files.open(large.id) as two:
                return (one.read(), len(two.read())) == (b"small", PART + 1)
        except StorageUnavailable:  # the server answers before it has found its files
            return False

    wait_for(has_everything)
    assert not files.has(draft.id)


def test_a_server_that_hangs_is_given_up(
    s3_server: S3Server, make_files: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.jobs.files.s3_client._READ_SECONDS", 0.2)
    files = make_files()
    s3_server.process.send_signal(SIGSTOP)
    try:
        with pytest.raises(StorageUnavailable, match="does not answer"):
            files.open(uuid4())
    finally:
        s3_server.process.send_signal(SIGCONT)


def test_a_child_of_a_process_that_has_used_the_storage_is_refused_and_does_not_hang(make_files: Make) -> None:
    files = make_files()
    files.check()
    reader, writer = os.pipe()
    if not (child := os.fork()):
        try:
            files.check()
        except StorageUnavailable as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as said:
        assert "This process was forked from one that had used the file storage" in said.read()
    os.waitpid(child, 0)


def test_nothing_of_the_object_storage_is_imported_for_files_on_disk() -> None:
    program = "import sys, webapp.services, webapp.jobs.files.configured_files as c, webapp.config as g; "
    program += "c.configured_files(g.load()); print([m for m in sys.modules if 'obstore' in m or '.s3_' in m])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
