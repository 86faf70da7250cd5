"""The environment of the peers, without installing one."""

import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers import environment


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    environment.python.cache_clear()
    yield tmp_path / "deskjob"
    environment.python.cache_clear()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    folders: list[Path] = []

    def create(folder: Path, **_: Any) -> None:
        folder.mkdir()
        folders.append(folder)

    monkeypatch.setattr(venv, "create", create)
    return folders


def test_it_is_made_once(cache: Path, made: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: None)
    first = environment.python()
    environment.python.cache_clear()  # as in the next process
    assert environment.python() == first
    assert made == [first.parent.parent if first else None]
    assert made[0].parent == cache


def test_peers_that_cannot_be_installed_are_a_sentence(
    cache: Path, made: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(command: list[str], **_: Any) -> None:
        raise subprocess.CalledProcessError(1, command, stderr="Retrying …\nERROR: No matching distribution\n")

    monkeypatch.setattr(subprocess, "run", fail)
    assert environment.python() is None
    assert "so they are not measured: ERROR: No matching distribution" in capsys.readouterr().out
    assert not made[0].exists()  # the next run tries again


def test_a_folder_that_cannot_be_written_is_replaced_by_a_temporary_one(
    made: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/none")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: None)
    assert environment.python() == made[0] / "bin" / "python"
