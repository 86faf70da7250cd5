import multiprocessing
import stat
from pathlib import Path

import pytest

from webapp.config import BadSettingError, load
from webapp.secret_key import secret_key


def key_in(folder: str) -> str:
    return secret_key(load(data_dir=folder))


def test_the_key_of_the_settings_is_used(tmp_path: Path) -> None:
    assert secret_key(load(data_dir=tmp_path, secret_key="s" * 32)) == "s" * 32
    assert list(tmp_path.iterdir()) == []


def test_without_a_setting_a_key_is_generated_once_in_a_private_file(tmp_path: Path) -> None:
    key = key_in(str(tmp_path / "var"))
    assert len(key) >= 32
    assert key_in(str(tmp_path / "var")) == key
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["secret_key"]
    assert stat.S_IMODE((tmp_path / "var" / "secret_key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700


def test_processes_that_start_together_get_the_same_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        keys = pool.map(key_in, [str(tmp_path)] * 8)
    assert len(set(keys)) == 1


def test_a_key_that_is_too_short_is_rejected_with_its_file_name(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("short\n")
    with pytest.raises(BadSettingError, match=r"secret_key cannot be used.*Remove the file"):
        key_in(str(tmp_path))
