import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from webapp import config
from webapp.config import PREFIX, BadSettingError, Settings, load, unknown_settings

A_SECRET = "hunter2-and-more"
BAD = [
    ("database_url", "mysql://localhost/x"),
    ("database_url", "sqlite:nonsense"),
    ("database_url", "postgresql://localhost:port/x"),
    ("redis_url", "http://localhost"),
    ("redis_url", "redis://localhost:port"),
    ("redis_url", "redis://localhost:99999"),
    ("storage_url", "relative/folder"),
    ("storage_url", "s3://Not_A_Bucket"),
    ("storage_url_old", "gs://bucket"),
    ("storage_endpoint", "s3.example.org"),
    ("secret_key", "short"),
    ("admin_password", "short"),
    ("admin_password", "x" * 129),
    ("workers", "0"),
    ("workers", "65"),
    ("workers", "two"),
    ("max_upload_bytes", "0"),
    ("max_upload_bytes", "2 GB"),
    ("lease_seconds", "1.9"),
    ("lease_seconds", "nan"),
    ("horse_jobs", "0"),
    ("horse_seconds", "0"),
    ("horse_seconds", "inf"),
    ("horse_megabytes", "1"),
    ("stop_grace_seconds", "-1"),
    ("retention_days", "0"),
    ("retention_days", "1000000"),
    ("figures_days", "1000000"),
    ("own_schedule_seconds", "100000000000"),
    ("session_idle_seconds", "1"),
    ("session_idle_seconds", "100000000000"),
    ("session_absolute_seconds", "1"),
    ("session_absolute_seconds", "100000000000"),
    ("trusted_proxies", "nginx"),
    ("accel_redirect", "files"),
    ("accel_redirect", "/files/"),
    ("public_url", "jobs.example.org"),
    ("public_url", "https://example.org/jobs?x=1"),
    ("public_url", "https://example.org/jobs#top"),
    ("public_url", "https://example.org/a b"),
    ("public_url", "https://example.org/a//b"),
    ("public_url", "https://example.org/../b"),
    ("public_url", "https://example.org:port"),
    ("timezone", "Mars/Olympus_Mons"),
    ("timezone", "../../etc/passwd"),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_setting_is_named_in_one_sentence(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(PREFIX + name.upper(), value)
    with pytest.raises(BadSettingError) as refused:
        load()
    sentence = str(refused.value)
    assert sentence.startswith(f"DESKJOB_{name.upper()} cannot be used")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert sentence.count("DESKJOB_") == 1


def test_every_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKJOB_WORKERS", "0")
    monkeypatch.setenv("DESKJOB_REDIS_URL", "http://x")
    with pytest.raises(BadSettingError, match=r"DESKJOB_REDIS_URL .*\. DESKJOB_WORKERS .*\."):
        load()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", A_SECRET),
        ("ADMIN_PASSWORD", A_SECRET * 20),
        ("DATABASE_URL", f"mysql://ana:{A_SECRET}@localhost/x"),
        ("DATABASE_URL", f"postgresql://ana:{A_SECRET}@localhost:port/x"),
        ("REDIS_URL", f"http://:{A_SECRET}@localhost"),
        ("REDIS_URL", f"redis://:{A_SECRET}@localhost:port"),
    ],
)
def test_secrets_are_never_echoed(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(BadSettingError) as refused:
        load()
    assert name in str(refused.value)
    assert A_SECRET not in str(refused.value)
    assert A_SECRET not in repr(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_secrets_are_not_in_the_text_of_the_settings(tmp_path: Path) -> None:
    settings = load(secret_key=A_SECRET * 3, admin_password=A_SECRET)
    assert A_SECRET not in repr(settings)
    assert A_SECRET not in str(settings)


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load().workers = 7


def test_without_any_setting_everything_is_in_the_data_folder(tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path)
    assert settings.database == f"sqlite:///{tmp_path}/deskjob.sqlite3"
    assert settings.redis == f"unix://{tmp_path}/valkey.sock"
    assert settings.storage == str(tmp_path / "attachments")
    assert settings.secret_key is None


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    values: dict[str, Any] = {
        "DATA_DIR": str(tmp_path),
        "DATABASE_URL": "postgresql://ana@db/deskjob",
        "REDIS_URL": "redis://cache:6380/2",
        "STORAGE_URL": "/srv/files",
        "JOBTYPES": " our.jobs , our.more ,, ",
        "WORKERS": "7",
    }
    for name, value in values.items():
        monkeypatch.setenv(PREFIX + name, value)
    settings = load()
    assert (settings.database, settings.redis) == ("postgresql://ana@db/deskjob", "redis://cache:6380/2")
    assert (settings.storage, settings.workers) == ("/srv/files", 7)
    assert settings.jobtypes == ("our.jobs", "our.more")


def test_a_folder_with_data_of_the_demonstration_has_its_job_types(tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path, jobtypes="our.jobs,webapp.demo.payout")
    assert settings.job_type_modules == ("our.jobs", "webapp.demo.payout")
    settings.demo_mark.touch()
    assert settings.job_type_modules == ("our.jobs", "webapp.demo.payout", "webapp.demo.order_check")


def test_a_relative_data_folder_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert load().data_dir == tmp_path / "var"
    assert load(data_dir="~/deskjob").data_dir == Path.home() / "deskjob"


def test_no_env_file_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("DESKJOB_WORKERS=9\n")
    assert load().workers == Settings.model_fields["workers"].default


def test_each_setting_has_a_default() -> None:
    assert [name for name, field in Settings.model_fields.items() if field.is_required()] == []


def test_the_password_of_the_first_admin_is_not_inherited_by_child_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "_taken", {})
    monkeypatch.setenv("DESKJOB_ADMIN_PASSWORD", "calm rivers and bridges")
    for settings in (load(), load()):
        assert settings.admin_password is not None
        assert settings.admin_password.get_secret_value() == "calm rivers and bridges"
    assert "DESKJOB_ADMIN_PASSWORD" not in os.environ


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("", ""),
        ("https://a.org", ""),
        ("https://a.org/", ""),
        ("https://a.org/x/", "/x"),
        ("http://a.org:81/x/y-1", "/x/y-1"),
    ],
)
def test_the_public_url_can_have_a_path(url: str, path: str) -> None:
    assert load(public_url=url).public_path == path


def test_an_unknown_setting_is_named_with_the_nearest_one() -> None:
    given = {"DESKJOB_WORKER": "3", "deskjob_public_uri": "x", "DESKJOB_WEATHER": "sun", "PATH": "/bin"}
    known = {f"DESKJOB_{name.upper()}": "" for name in Settings.model_fields} | {"DESKJOB_FAULTS": ""}
    assert unknown_settings(given | known) == (
        "DESKJOB_PUBLIC_URI is not a setting and is ignored. Did you mean DESKJOB_PUBLIC_URL?",
        "DESKJOB_WEATHER is not a setting and is ignored. docs/settings.md lists the settings.",
        "DESKJOB_WORKER is not a setting and is ignored. Did you mean DESKJOB_WORKERS?",
    )


def test_every_setting_is_documented() -> None:
    documented = (Path(__file__).parent.parent / "docs" / "settings.md").read_text()
    assert [name for name in Settings.model_fields if f"`{name.upper()}`" not in documented] == []


def test_a_child_process_reads_the_same_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = {"data_dir": tmp_path, "secret_key": "s" * 40, "jobtypes": ("a", "b"), "workers": 7, "own_process": True}
    settings = load(**given)
    for name, value in settings.as_environment().items():
        monkeypatch.setenv(name, value)
    assert load() == settings
    assert "DESKJOB_ADMIN_PASSWORD" not in load(admin_password="a long enough password").as_environment()
