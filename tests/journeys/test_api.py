"""A program gets in: a token from the page, a line of curl from the page, and the result of the job it starts."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

from tests.journeys.conftest import PASSWORD, Browser

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


def line(page: str, name: str) -> str:
    found = re.search(rf'id="{name}"><code>(.*?)</code>', page, re.DOTALL)
    assert found, name
    return unescape(found[1])


def test_a_program_starts_a_job_and_downloads_its_result(deskjob: str, tmp_path: Path) -> None:
    browser = Browser(deskjob)
    browser.send("/login", browser.open("/login"), name="admin", password=PASSWORD)
    form = {"name": "journey", "scope": ["read", "start"], "lifetime": "30", "own_password": PASSWORD}
    shown = browser.send("/me/tokens", browser.open("/me/tokens"), **form)
    secret = re.search(r'<code class="secret">(dj_\w{40})</code>', shown)
    assert secret
    page = browser.open("/api")

    def run(command: str) -> bytes:
        variables = {"DESKJOB_TOKEN": secret[1], "PATH": "/usr/bin:/bin:/usr/local/bin"}
        words = ["sh", "-ec", command.replace("curl ", "curl -sS --fail-with-body ", 1)]
        return subprocess.run(words, env=variables, cwd=tmp_path, check=True, capture_output=True).stdout

    (tmp_path / "table.csv").write_text("a,b\n1,2\n3,4\n")
    made = json.loads(run(line(page, "upload-create_job")))
    waiting = line(page, "curl-get_job").rpartition("/jobs/")[0] + f"/jobs/{made['id']}?wait=30"
    assert json.loads(run(waiting))["status"] == "completed"
    of_the_job = browser.open("/api")  # its lines now have the newest job and its last file
    files = json.loads(run(line(of_the_job, "curl-list_files")))["items"]
    run(line(of_the_job, "curl-download_file"))
    result = next(file for file in files if (tmp_path / file["name"]).exists() and file["name"] != "table.csv")
    assert (tmp_path / result["name"]).stat().st_size == result["size"]
