import hashlib
import os
import subprocess
import sys
from pathlib import Path
from shutil import copy

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout with a built environment, whose `python` prints its arguments."""
    copy(ROOT / "deskjob", tmp_path)
    for lock in ("requirements.txt", "requirements-dev.txt"):
        (tmp_path / lock).write_text(f"# {lock}\n")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    write_script(python, 'echo "$@"')
    write_script(tmp_path / "counting-python", f'echo started >> "{tmp_path}/starts"; exec "{sys.executable}" "$@"')
    digest = hashlib.sha256((tmp_path / "requirements.txt").read_bytes() + sys.version.encode())
    (tmp_path / ".venv" / ".deskjob").write_text(digest.hexdigest() + "\n")
    return tmp_path


def write_script(path: Path, command: str) -> None:
    path.write_text(f"#!/bin/sh\n{command}\n")
    path.chmod(0o755)


def run(checkout: Path, *words: str, python: str = "counting-python") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHON": str(checkout / python)}
    return subprocess.run([checkout / "deskjob", *words], env=environment, capture_output=True, text=True, check=False)


def starts(checkout: Path) -> int:
    """Return how often the script started the system's Python."""
    log = checkout / "starts"
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_an_unchanged_environment_is_checked_once(checkout: Path) -> None:
    assert run(checkout, "job", "list").stdout == "-m webapp.cli job list\n"
    first = starts(checkout)
    assert run(checkout, "job", "list").stdout == "-m webapp.cli job list\n"
    assert first > 0
    assert starts(checkout) == first


def test_a_changed_lock_file_builds_the_environment_again(checkout: Path) -> None:
    run(checkout, "job", "list")
    (checkout / "requirements.txt").write_text("# another package\n")
    done = run(checkout, "job", "list")
    assert "building the environment from requirements.txt" in done.stderr
    assert "-m pip install" in done.stdout
    assert "building" not in run(checkout, "job", "list").stderr


def test_an_environment_of_a_python_that_is_gone_is_made_anew(checkout: Path) -> None:
    write_script(checkout / ".venv" / "bin" / "python", 'echo "No module named pip" >&2; exit 1')
    write_script(checkout / "upgraded-python", f'[ "$2" = venv ] && echo "$@" && exit; exec "{sys.executable}" "$@"')
    (checkout / "requirements.txt").write_text("# locked for the new Python\n")
    assert "-m venv --clear" in run(checkout, "job", "list", python="upgraded-python").stdout


def test_another_python_is_checked(checkout: Path) -> None:
    run(checkout, "job", "list")
    write_script(checkout / "old-python", 'case "$*" in -V) echo Python 3.9.1 ;; *) exit 1 ;; esac')
    done = run(checkout, "job", "list", python="old-python")
    assert done.returncode == 2
    assert "Python 3.11 or newer is needed" in done.stderr


def test_a_missing_python_is_named(checkout: Path) -> None:
    done = run(checkout, "job", "list", python="no-python")
    assert done.returncode == 2
    assert "no-python was not found" in done.stderr
