import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr
from sqlalchemy import update

from webapp.cli import context, deskjob
from webapp.config import load
from webapp.db.engine import writing
from webapp.jobs.definition.payload import Vault
from webapp.jobs.model.job import Job
from webapp.schema import jobs
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
OLD, NEW = "o" * 40, "n" * 40
Deskjob = Callable[..., Result]


@pytest.fixture
def deskjob_with(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Deskjob]:
    """Return commands of an installation whose keys are in a folder of its own, or in these settings."""

    def make(**keys: SecretStr) -> Deskjob:
        settings = load(data_dir=tmp_path / "var", database_url=services.settings.database, **keys)
        app_services = Services(settings, services.engine, services.files, services.registry)
        monkeypatch.setattr(context, "opened", lambda: app_services)
        return lambda *words: CliRunner().invoke(deskjob, ["secrets", *map(str, words)], prog_name="deskjob")

    return make


@pytest.fixture
def with_secret(services: Services) -> Callable[[str], Job]:
    """Store a job whose secret is encrypted with the key of the folder, or with another one."""

    def put(key: str) -> Job:
        job = services.jobs.create_system_job("job_history_export")
        with writing(services.engine) as connection:
            state = {"seed": Vault(key).encrypt(SecretStr("seed"))}
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(state=state))
        return job

    return put


def counts(run: Deskjob) -> dict[str, int]:
    return json.loads(run("status", "--json").stdout)


def test_the_key_in_the_folder_is_replaced_and_the_old_one_accepted(
    deskjob_with: Callable[..., Deskjob], with_secret: Callable[[str], Job], tmp_path: Path
) -> None:
    run = deskjob_with()
    folder = tmp_path / "var"
    old = (folder / "secret_key").read_text()
    with_secret(old)
    done = run("rotate")
    assert done.exit_code == 0, done.output
    assert "Encrypted 1 rows" in done.stdout
    new = (folder / "secret_key").read_text()
    assert new != old
    assert (folder / "secret_key_old").read_text() == old
    assert oct((folder / "secret_key_old").stat().st_mode)[-3:] == "600"
    assert old not in done.output
    assert new not in done.output
    assert counts(run) == {"old_keys": 1, "outdated": 0, "unreadable": 0}


def test_old_keys_are_removed_when_nothing_needs_them(
    deskjob_with: Callable[..., Deskjob], with_secret: Callable[[str], Job], tmp_path: Path
) -> None:
    run, folder = deskjob_with(), tmp_path / "var"
    old = (folder / "secret_key").read_text()
    run("rotate")
    refused = run("forget")
    assert (refused.exit_code, "signed in with the old key" in refused.stderr) == (1, True)
    with_secret(old)
    assert "Run `deskjob secrets rotate` first" in run("forget", "--now").stderr
    new = (folder / "secret_key").read_text()
    assert "Encrypted 1 rows" in run("rotate").stdout
    assert (folder / "secret_key").read_text() == new, "it continues, and makes no third key"
    os.utime(folder / "secret_key_old", (0, 0))
    assert "are removed" in run("forget").stdout
    assert not (folder / "secret_key_old").exists()
    assert "There are no old keys" in deskjob_with()("forget").stdout


def test_with_keys_in_the_settings_it_only_encrypts(
    deskjob_with: Callable[..., Deskjob], with_secret: Callable[[str], Job]
) -> None:
    with_secret(OLD)
    refused = deskjob_with(secret_key=SecretStr(OLD))("rotate")
    assert (refused.exit_code, "DESKJOB_SECRET_KEY_OLD" in refused.stderr) == (1, True)
    run = deskjob_with(secret_key=SecretStr(NEW), secret_key_old=SecretStr(OLD))
    assert counts(run)["outdated"] == 1
    assert "Encrypted 1 rows" in run("rotate").stdout
    assert counts(deskjob_with(secret_key=SecretStr(NEW))) == {"old_keys": 0, "outdated": 0, "unreadable": 0}


def test_a_secret_that_no_key_decrypts_is_counted(
    deskjob_with: Callable[..., Deskjob], with_secret: Callable[[str], Job]
) -> None:
    with_secret("f" * 40)
    run = deskjob_with()
    assert counts(run)["unreadable"] == 1
    assert "none of the keys can decrypt" in run("rotate").stderr
