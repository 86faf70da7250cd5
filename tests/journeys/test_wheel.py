"""The wheel is whole: installed into an empty environment, it serves pages and runs jobs."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.installation import PATIENCE_SECONDS
from tests.journeys.conftest import PASSWORD, ROOT, Browser, free_port, logs

pytestmark = pytest.mark.exhaustive
SOURCES = ("webapp", "templates", "static", "pyproject.toml", "setup.py", "requirements.in", "README.md", "LICENSE")
VARIABLES = {"DESKJOB_ADMIN_PASSWORD": PASSWORD, "PATH": os.environ["PATH"]}


def run(command: Sequence[object], folder: Path) -> str:
    """Run a program in a folder, without the settings of the tests; return what it prints."""
    words = [str(word) for word in command]
    return subprocess.run(words, env=VARIABLES, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, whose dependencies come from the environment of the tests."""
    source, wheels, folder = (tmp_path_factory.mktemp(name) for name in ("source", "wheels", "environment"))
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", wheels, source], source)
    venv.create(folder, symlinks=True)
    [wheel] = wheels.glob("*.whl")
    run([*pip, "--python", folder / "bin" / "python", "install", "--no-deps", wheel], wheels)
    [packages] = folder.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("installed")


@pytest.fixture(scope="module")
def site(environment: Path, folder: Path) -> Iterator[str]:
    """Run the installed `deskjob up` in an empty folder; give its address."""
    port = free_port()
    process = subprocess.Popen(
        [environment / "bin" / "deskjob", "up", "--port", str(port)],
        env=VARIABLES,
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline().strip() == f"Deskjob is ready at http://127.0.0.1:{port}", logs(folder / "var")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0
        process.stdout.close()


def test_an_installed_wheel_serves_its_pages(site: str) -> None:
    browser = Browser(site)
    page = browser.open("/login")
    files = set(re.findall(r'"(/static/[^"]+)"', page))
    assert len(files) > 3
    for file in files:
        assert browser.open(file), file
    browser.send("/login", page, name="admin", password=PASSWORD)
    for address in ("/jobs", "/jobs/new/dataset_report", "/admin", "/admin/system", "/me", "/api"):
        assert "</h1>" in browser.open(address), address


@pytest.mark.usefixtures("site")
def test_an_installed_wheel_runs_a_job(environment: Path, folder: Path, tmp_path: Path) -> None:
    deskjob, output = environment / "bin" / "deskjob", tmp_path / "out"
    (tmp_path / "sales.csv").write_text("day,amount\n2026-11-01,12\n2026-11-02,14\n")
    file = f"file={tmp_path / 'sales.csv'}"
    job = run([deskjob, "job", "start", "dataset_report", "--file", file, "--as", "admin", "--wait"], folder).strip()
    run([deskjob, "job", "files", job, "--download", output], folder)
    assert any(file.suffix == ".html" for file in output.iterdir())
