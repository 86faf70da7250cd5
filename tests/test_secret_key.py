import multiprocessing
import stat
from pathlib import Path

import pytest

from webapp.config import BadSettingError, load
from webapp.secret_key import secret_key


def made_in(folder: str) -> str:
    return secret_key(load(data_dir=folder))


def test_a_key_that_was_set_is_used(tmp_path: Path) -> None:
    assert secret_key(load(data_dir=tmp_path, secret_key="s" * 32)) == "s" * 32
    assert list(tmp_path.iterdir()) == []


def test_without_one_a_key_is_made_once_for_us_alone(tmp_path: Path) -> None:
    key = made_in(str(tmp_path / "var"))
    assert len(key) >= 32
    assert made_in(str(tmp_path / "var")) == key
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["secret_key"]
    assert stat.S_IMODE((tmp_path / "var" / "secret_key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700


def test_processes_that_start_at_once_get_one_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        keys = pool.map(made_in, [str(tmp_path)] * 8)
    assert len(set(keys)) == 1


def test_a_spoilt_file_stops_the_start_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("short\n")
    with pytest.raises(BadSettingError, match=r"secret_key cannot be used.*Remove the file"):
        made_in(str(tmp_path))
