"""Static files are compressed, cached by browsers and have the same headers as pages."""

import gzip
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient

from tests.installation import environment
from webapp.views import static_files
from webapp.views.security.headers import ALWAYS
from webapp.views.static_files import _temporary_folder, compressed_copy


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def versioned(app: Flask) -> str:
    with app.test_request_context():
        return url_for("static", filename="css/job.css")


def test_files_are_compressed_for_clients_that_accept_it(client: FlaskClient, versioned: str) -> None:
    plain = client.get(versioned)
    packed = client.get(versioned, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < len(plain.data) / 3


def test_only_a_versioned_url_is_cached_for_long(client: FlaskClient, versioned: str) -> None:
    assert "immutable" in client.get(versioned).headers["Cache-Control"]
    assert client.get("/static/css/job.css").headers["Cache-Control"] == "max-age=60, public"
    assert client.get("/static/css/job.css?other=v").headers["Cache-Control"] == "max-age=60, public"


def test_they_carry_the_headers_of_every_answer(client: FlaskClient, versioned: str) -> None:
    answer = client.get(versioned)
    assert {name: answer.headers[name] for name in ALWAYS} == dict(ALWAYS)
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/static/nothing.css", "/static/../webapp/app.py", "/static/css/", "/static/css/job.css.gz"]
)
def test_a_missing_file_is_not_found(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code in {302, 404}


def test_a_file_that_has_not_changed_is_not_sent_again(client: FlaskClient, versioned: str) -> None:
    tag = client.get(versioned).headers["ETag"]
    assert client.get(versioned, headers={"If-None-Match": tag}).status_code == 304


def test_concurrent_first_requests_compress_once(app: Flask, versioned: str) -> None:
    _temporary_folder().cleanup()
    compressed_copy.cache_clear()
    _temporary_folder.cache_clear()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: app.test_client().get(versioned).status_code, range(16)))
    assert answers == [200] * 16
    assert compressed_copy.cache_info().misses == 1


def test_copies_of_killed_processes_are_removed_and_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed cannot remove its copy; its lock ends with it."""
    monkeypatch.setattr(static_files, "_NEW_SECONDS", 0.0)
    code = "from webapp.views import static_files as s; print(s._temporary_folder().name, flush=True); input()"
    command = [sys.executable, "-c", code]
    own = {**environment(), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        copy = Path(process.stdout.readline().strip())
        static_files._remove_abandoned(tmp_path)
        assert copy.is_dir()
        process.kill()
        process.wait()
    (other := tmp_path / "deskjob-static-without-a-lock").mkdir()
    monkeypatch.setattr(static_files, "_NEW_SECONDS", 900.0)
    static_files._remove_abandoned(tmp_path)
    assert copy.is_dir(), "it is new"
    monkeypatch.setattr(static_files, "_NEW_SECONDS", 0.0)
    static_files._remove_abandoned(tmp_path)
    assert not copy.exists()
    assert other.is_dir()
