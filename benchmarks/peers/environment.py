"""The environment of the peers: made once, from pinned packages, and used again by every benchmark."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


@cache
def python(requirements: Path = REQUIREMENTS) -> Path | None:
    """Return the interpreter of the environment; None, after a sentence why, if it cannot be made."""
    folder = location(requirements)
    try:
        with _lock(folder.with_suffix(".lock")):
            if not _is_complete(folder):
                _make(folder, requirements)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"  The peers could not be installed, so they are not measured: {_reason(error)}", flush=True)
        return None
    return folder / "bin" / "python"


def location(requirements: Path = REQUIREMENTS) -> Path:
    """Return a folder outside of the repository whose name changes with the packages and with Python."""
    cache_home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    parent = Path(cache_home).expanduser() / "deskjob"
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError:  # no home, or a read-only one
        parent = Path(tempfile.mkdtemp(prefix="dj-"))
    return parent / f"peers-{hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:16]}"


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Let one benchmark at a time make the environment."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_complete(folder: Path) -> bool:
    return (folder / "complete").exists()


def _make(folder: Path, requirements: Path) -> None:
    print("  installing the peers, once …", flush=True)
    try:
        venv.create(folder, with_pip=True, clear=True)
        pip = (str(folder / "bin" / "python"), "-m", "pip")
        subprocess.run(
            [*pip, "install", "--quiet", "--requirement", str(requirements)], check=True, capture_output=True, text=True
        )
    except BaseException:  # also when it is interrupted
        shutil.rmtree(folder, ignore_errors=True)
        raise
    (folder / "complete").touch()


def _reason(error: OSError | subprocess.CalledProcessError) -> str:
    output = getattr(error, "stderr", None) or str(error)
    return str(output).strip().splitlines()[-1]
