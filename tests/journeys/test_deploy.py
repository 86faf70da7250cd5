"""The files in `deploy/`: their settings exist, and an installation that is started by them works."""

import os
import re
import shlex
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.databases import Databases
from tests.installation import PATIENCE_SECONDS, ROOT, environment, free_port, wait_for
from webapp.config import PREFIX, Settings
from webapp.os_process import die_with_parent

DEPLOY = ROOT / "deploy"
UNITS = {unit.stem.removeprefix("deskjob-"): unit for unit in (DEPLOY / "systemd").glob("*.service")}
SETTING = re.compile(rf"^#?({PREFIX}\w+)=(.*)$", re.MULTILINE)
AIRPORTS = Path(__file__).parent / "airports.csv"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
NGINX_FOLDERS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def names(text: str) -> set[str]:
    return {name.removeprefix(PREFIX).lower() for name in re.findall(rf"\b{PREFIX}\w+", text)}


@pytest.mark.parametrize(
    "path", sorted(path for path in DEPLOY.rglob("*") if path.is_file()), ids=lambda path: path.name
)
def test_every_setting_in_a_file_exists(path: Path) -> None:
    assert names(path.read_text()) <= set(Settings.model_fields)


def test_the_services_of_compose_depend_on_services_that_exist() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    assert {"web", "worker", "clock", "postgresql", "valkey", "storage"} <= set(services)
    assert {other for service in services.values() for other in service.get("depends_on", {})} <= set(services)


def test_processes_get_more_time_to_stop_than_their_jobs() -> None:
    grace = Settings.model_fields["stop_grace_seconds"].default + 10
    kubernetes = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))
    (worker,) = (document for document in kubernetes if document["metadata"]["name"] == "deskjob-worker")
    assert worker["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > grace
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert int(compose["services"]["worker"]["stop_grace_period"].removesuffix("s")) > grace
    for unit in UNITS.values():
        assert int(value_of(unit, "TimeoutStopSec")) > grace


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for unit in (DEPLOY / "systemd").iterdir():
        text = unit.read_text().replace("/opt/deskjob/deskjob", "/bin/true").replace("/opt/deskjob", "/")
        (tmp_path / unit.name).write_text(text.replace("=deskjob\n", "=root\n"))
    command = ["systemd-analyze", "verify", *map(str, tmp_path.iterdir())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "deskjob" in line]
    assert complaints == []


def value_of(unit: Path, key: str) -> str:
    (value,) = re.findall(rf"^{key}=(.*)$", unit.read_text(), re.MULTILINE)
    return str(value)


class Machine:
    """A machine on which the units are started, without systemd: each with the command and the settings of its unit."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self.log = folder / "log"
        self._environment = {**environment(), "DESKJOB_DATA_DIR": str(folder / "data"), **settings}
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str | Path) -> None:
        parent = os.getpid()
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                list(map(str, command)),
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(parent, signal.SIGTERM),  # noqa: PLW1509  (it calls the kernel only)
            )
        self._started.append(process)

    def start_unit(self, name: str, **replaced: str) -> None:
        command = value_of(UNITS[name], "ExecStart").replace("/opt/deskjob", str(ROOT))
        for old, new in replaced.items():
            command = command.replace(f"--{old} {DEFAULTS[old]}", f"--{old} {new}")
        self.start(*shlex.split(command))

    def run(self, *words: str, **settings: str) -> str:
        return subprocess.run(
            [ROOT / "deskjob", *words],
            env={**self._environment, **settings},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=PATIENCE_SECONDS,
        ).stdout.strip()

    def close(self) -> None:
        for process in self._started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self._started:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:  # other tests say whether processes stop in time
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


DEFAULTS = {"port": "8000", "workers": "4"}


@pytest.fixture
def ports() -> dict[str, int]:
    return {"web": free_port(), "https": free_port(), "http": free_port()}


@pytest.fixture
def settings(
    tmp_path: Path, postgresql_databases: Databases, valkey_url: str, ports: dict[str, int]
) -> Iterator[dict[str, str]]:
    """Fill in `deskjob.env` for servers that run here; the database is empty."""
    template = dict(SETTING.findall((DEPLOY / "deskjob.env").read_text()))
    with postgresql_databases.lend() as url:
        yield {
            **{name: value for name, value in template.items() if value and "STORAGE" not in name},
            "DESKJOB_SECRET_KEY": "k" * 32,
            "DESKJOB_PUBLIC_URL": f"https://127.0.0.1:{ports['https']}",
            "DESKJOB_DATABASE_URL": url,
            "DESKJOB_REDIS_URL": f"{valkey_url}?db=0",
            "DESKJOB_STORAGE_URL": str(tmp_path / "files"),
            "DESKJOB_ACCEL_REDIRECT": "/stored-files",
        }


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Callable[..., Machine]]:
    with ExitStack() as stack:

        def new(name: str, settings: Mapping[str, str]) -> Machine:
            (tmp_path / name).mkdir()
            machine = Machine(tmp_path / name, settings)
            stack.callback(machine.close)
            return machine

        yield new


def certificate(folder: Path) -> Path:
    """Write a certificate for this machine and its key; return the file of the certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1)
    )
    names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    signed = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    (folder / "deskjob.crt").write_bytes(signed.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "deskjob.key").write_bytes(private)
    return folder / "deskjob.crt"


def nginx_configuration(folder: Path, files: Path, ports: dict[str, int]) -> Path:
    """Put the shipped file, with our ports and paths, into a whole configuration."""
    site = (DEPLOY / "nginx.conf").read_text()
    for old, new in {
        "listen 80;": f"listen 127.0.0.1:{ports['http']};",
        "listen 443 ": f"listen 127.0.0.1:{ports['https']} ",
        "server 127.0.0.1:8000;": f"server 127.0.0.1:{ports['web']};",
        "jobs.example.org": "127.0.0.1",
        "/etc/ssl/": f"{folder}/",
        "alias /srv/deskjob/files/": f"alias {files}/",
    }.items():
        assert old in site, f"deploy/nginx.conf has no {old!r}"
        site = site.replace(old, new)
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    path = folder / "nginx.conf"
    path.write_text(
        f"daemon off; {user} pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; {places}\n{site}}}\n"
    )
    return path


@pytest.mark.exhaustive
@pytest.mark.skipif(shutil.which("nginx") is None, reason="needs nginx")
def test_an_installation_started_by_the_units_behind_nginx_runs_a_job_of_a_program(
    tmp_path: Path, settings: dict[str, str], ports: dict[str, int], machine: Callable[..., Machine]
) -> None:
    first, second = machine("first", settings), machine("second", settings)
    first.run("db", "upgrade")
    first.run("user", "add", "robot", "--role", "user", "--service")
    token = first.run("token", "add", "nightly", "--as", "robot").split()[-1]

    first.start_unit("web", port=str(ports["web"]))
    first.start_unit("clock")
    second.start(sys.executable, ROOT / "worker.py", "--workers", "1")  # the same as the unit of workers
    trusted = certificate(tmp_path)
    nginx = shutil.which("nginx") or ""
    first.start(nginx, "-c", nginx_configuration(tmp_path, tmp_path / "files", ports))
    site = f"https://127.0.0.1:{ports['https']}"
    wait_for(lambda: answer(f"{site}/readyz/database", trusted) == {"database": "ok"})

    client = {"DESKJOB_SERVER": site, "DESKJOB_TOKEN": token, "SSL_CERT_FILE": str(trusted)}
    job = first.run("job", "start", "dataset_report", "--file", f"file={AIRPORTS}", "--wait", **client)
    first.run("job", "files", job, "--download", str(tmp_path / "out"), **client)
    reports = [path for path in (tmp_path / "out").iterdir() if path.suffix == ".html"]
    assert "3,376" in reports[0].read_text(), "nginx sent the file itself"
    plain = HTTPConnection("127.0.0.1", ports["http"])
    plain.request("GET", "/jobs")
    assert plain.getresponse().headers["Location"] == "https://127.0.0.1/jobs"
    plain.close()


def answer(url: str, trusted: Path) -> Any:
    with suppress(OSError):
        return yaml.safe_load(urlopen(url, context=ssl.create_default_context(cafile=trusted)).read())
    return None
