"""A real installation, started as people start it."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import pytest

from tests.installation import PATIENCE_SECONDS

ROOT = Path(__file__).parent.parent.parent
PASSWORD = "correct horse battery staple"


class Browser:
    """What a person does: open a page and send its form."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._opener: OpenerDirector = build_opener(HTTPCookieProcessor(CookieJar()))

    def open(self, path: str) -> str:
        return self._opener.open(self._site + path).read().decode()

    def send(self, path: str, page: str, **fields: object) -> str:
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        data = urlencode({"csrf_token": token[1] if token else "", **fields}, doseq=True).encode()
        return self._opener.open(self._site + path, data).read().decode()


@pytest.fixture(scope="module")
def own_settings() -> dict[str, str]:
    """Return the settings that a module adds."""
    return {}


@pytest.fixture(scope="module")
def deskjob(tmp_path_factory: pytest.TempPathFactory, own_settings: dict[str, str]) -> Iterator[str]:
    """Run `deskjob up` on a free port, with an empty data folder; give its address."""
    folder = tmp_path_factory.mktemp("up")
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("DESKJOB_")},
        "DESKJOB_DATA_DIR": str(folder),
        "DESKJOB_ADMIN_PASSWORD": PASSWORD,
        "DESKJOB_JOBTYPES": "tests.journeys.slow_types",
        "PYTHONPATH": str(ROOT),
        **own_settings,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "webapp.cli", "up", "--port", str(port)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        said = process.stdout.readline().strip()
        assert said == f"Deskjob is ready at http://127.0.0.1:{port}", logs(folder)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0
        process.stdout.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def logs(folder: Path) -> str:
    return "\n".join(f"== {log.name}\n{log.read_text()}" for log in sorted(folder.glob("log/*.log")))
