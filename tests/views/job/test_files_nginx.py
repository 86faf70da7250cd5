"""Downloads that a real nginx sends, with the location of deploy/nginx.conf; skipped without nginx."""

import getpass
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.installation import ROOT, wait_for
from webapp.accounts.user import User
from webapp.jobs.files.disk_files import relative_path
from webapp.jobs.model.job import Job, Status
from webapp.jobs.store.attachments import Attachment
from webapp.services import Services

CONTENT = bytes(range(256)) * 1000
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
CONFIGURATION = """
user {user}; daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass {address}; proxy_set_header Host $host:{port}; }}
        {stored_files}
    }}
}}
"""


@pytest.fixture
def nginx(app: Flask, services: Services, address: str) -> Iterator[str]:
    """Start nginx in front of the application; yield its address."""
    if NGINX is None:
        pytest.skip("nginx is not installed: install it (Debian: apt install nginx-light) to run this test.")
    app.extensions["deskjob"].settings = services.settings.model_copy(update={"accel_redirect": "/stored-files"})
    folder = Path(tempfile.mkdtemp(prefix="dj-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    configuration = folder / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(
            user=getpass.getuser(),
            folder=folder,
            port=port,
            address=address,
            stored_files=shipped_location().replace("/srv/deskjob/files", str(services.files.folder)),
        )
    )
    with subprocess.Popen([NGINX, "-c", configuration, "-p", folder], stderr=subprocess.DEVNULL) as process:
        wait_for(lambda: is_open(port) or process.poll() is not None)
        yield f"http://127.0.0.1:{port}"
        process.terminate()
    shutil.rmtree(folder)


def shipped_location() -> str:
    found = re.search(r"(location /stored-files/ .*?})", (ROOT / "deploy/nginx.conf").read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def file(put: Callable[..., Job], attach: Callable[..., Attachment]) -> Attachment:
    return attach(put(Status.COMPLETED), "report.pdf", CONTENT)


def test_nginx_sends_a_file_and_a_range_of_it_to_its_owner_only(
    nginx: str, file: Attachment, services: Services, client_of: Callable[[User], FlaskClient], user: User
) -> None:
    client = client_of(user)
    name = client.application.config["SESSION_COOKIE_NAME"]
    cookie = {"Cookie": f"{name}={client.get_cookie(name).value}"}
    url = f"{nginx}/jobs/{file.job_id}/files/{file.id}"
    with urlopen(Request(url, headers=cookie)) as answer:
        assert answer.read() == CONTENT
        assert answer.headers["Content-Disposition"] == "attachment; filename=report.pdf"
        assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    with urlopen(Request(url, headers={**cookie, "Range": "bytes=255990-255999"})) as answer:
        assert (answer.status, answer.read()) == (206, CONTENT[-10:])
    for address in (f"{nginx}/stored-files/{relative_path(file.id)}", f"{url[:-1]}x"):
        with pytest.raises(HTTPError, match="404"):
            urlopen(Request(address, headers=cookie))
