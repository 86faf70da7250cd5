from pathlib import Path

import pytest
from werkzeug.test import create_environ, run_wsgi_app

from webapp.app import create_app
from webapp.config import load

PUBLIC_URL = "https://jobs.example.org:8443/"


def status(folder: Path, host: str, *, public_url: str = PUBLIC_URL, path: str = "/login") -> int:
    app = create_app(load(data_dir=folder, public_url=public_url))
    # the test client refuses to send some of these
    _, answer, _ = run_wsgi_app(app, create_environ(path, headers={"Host": host}), buffered=True)
    return int(answer.split()[0])


@pytest.mark.parametrize(
    "host",
    [
        "jobs.example.org",
        "jobs.example.org:8443",
        "JOBS.example.org",
        "localhost",
        "localhost:8000",
        "127.0.0.1:8000",
        "[::1]:8000",
    ],
)
def test_known_host_names_are_answered(tmp_path: Path, host: str) -> None:
    assert status(tmp_path, host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "jobs.example.org.evil.example",
        "evil.jobs.example.org",
        "jobs.example.org@evil.example",
        "10.0.0.1",
        "[::2]",
        "[::::]",
        "[",
    ],
)
def test_unknown_host_names_are_refused(tmp_path: Path, host: str) -> None:
    assert status(tmp_path, host) == 400


def test_a_balancer_that_knows_only_the_address_of_a_process_can_check_its_health(tmp_path: Path) -> None:
    assert status(tmp_path, "10.0.0.1:8000", path="/healthz") == 200
    assert status(tmp_path, "10.0.0.1:8000", path="/readyz/nothing") == 404


@pytest.mark.parametrize("public_url", ["", "https://jobs.example.org"])
@pytest.mark.parametrize("host", ["a" * 64, f"{'a' * 64}.example.org", "a..b", ".", "x" * 300, "ä.example:port"])
def test_a_malformed_host_name_is_refused(tmp_path: Path, host: str, public_url: str) -> None:
    assert status(tmp_path, host.encode().decode("latin-1"), public_url=public_url) in {200, 400}
    if "a" * 64 in host:
        assert status(tmp_path, host, public_url=public_url) == 400


def test_without_a_public_url_every_host_name_is_accepted(tmp_path: Path) -> None:
    assert status(tmp_path, "nas.local:8000", public_url="") == 200
