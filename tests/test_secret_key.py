import multiprocessing
import stat
from pathlib import Path

import pytest

from webapp.config import BadSettingError, load
from webapp.secret_key import forget_old_keys, keys_are_in_files, replace_key, replaced_at, secret_key, secret_keys


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


def test_a_replaced_key_is_kept_as_an_old_one(tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path)
    first = secret_key(settings)
    assert (keys_are_in_files(settings), replaced_at(settings)) == (True, None)
    replace_key(settings)
    second = secret_key(settings)
    replace_key(settings)
    assert secret_keys(settings)[1:] == (second, first)
    assert replaced_at(settings)
    assert stat.S_IMODE((tmp_path / "secret_key_old").stat().st_mode) == 0o600
    forget_old_keys(settings)
    assert len(secret_keys(settings)) == 1


def test_old_keys_of_the_settings_are_accepted(tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path, secret_key="n" * 32, secret_key_old=f"{'o' * 32}, {'p' * 32}")
    assert secret_keys(settings) == ("n" * 32, "o" * 32, "p" * 32)
    assert not keys_are_in_files(settings)


def test_an_old_key_that_is_too_short_is_refused_without_showing_it(tmp_path: Path) -> None:
    with pytest.raises(BadSettingError, match="DESKJOB_SECRET_KEY_OLD") as error:
        load(data_dir=tmp_path, secret_key_old=f"{'o' * 32},short")
    assert "short" not in str(error.value).replace("at least", "")
