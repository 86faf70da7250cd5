from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import create_engine

from webapp.cli import context
from webapp.config import load
from webapp.db.engine import engine_options
from webapp.services import Services

Run = Callable[..., Result]


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Services]:
    settings = load(data_dir=tmp_path / "empty", secret_key="k" * 32)
    services = Services(settings, create_engine(settings.database, **engine_options(settings.database)))
    yield services
    services.engine.dispose()


def test_a_backup_goes_to_another_installation(
    run: Run, start: Callable[..., str], empty: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = start()
    done = run("backup", tmp_path / "backup.zip", "--key", tmp_path / "key")
    assert (done.exit_code, "rows, 0 files" in done.stdout) == (0, True), done.output
    assert (tmp_path / "key").read_text() == "k" * 32

    monkeypatch.setattr(context, "opened", lambda: empty)
    done = run("restore", tmp_path / "backup.zip")
    assert done.exit_code == 0, done.output
    assert "Users must sign in again." in done.stdout
    assert [str(found.id) for found in empty.queries.all_jobs.newest(10)] == [job]
    with empty.engine.connect() as connection:
        audit = connection.exec_driver_sql("SELECT action, object_name FROM audit ORDER BY id DESC LIMIT 1").one()
    assert tuple(audit) == ("restore", "backup.zip")

    again = run("restore", tmp_path / "backup.zip")
    assert (again.exit_code, "in use already" in again.output) == (1, True)


def test_a_backup_refuses_to_overwrite(run: Run, tmp_path: Path) -> None:
    (tmp_path / "backup.zip").touch()
    done = run("backup", tmp_path / "backup.zip")
    assert (done.exit_code, "exists already" in done.output) == (1, True)


def test_missing_files_are_reported(run: Run, services: Services, start: Callable[..., str], tmp_path: Path) -> None:
    file = services.jobs.add_attachment(services.jobs.create_system_job("maintenance").id, "a.txt", "text")
    services.files.remove(file.id)
    done = run("backup", tmp_path / "backup.zip")
    assert "1 files were not on the disk." in done.output
