from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from webapp.config import load
from webapp.db.engine import writing
from webapp.jobs.definition.payload import Vault
from webapp.jobs.maintenance import reencryption
from webapp.jobs.maintenance.key_rotation import Forgotten, KeyRotation, KeyRotationRefused
from webapp.schema import jobs
from webapp.secret_key import secret_key, secret_keys
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def rotation(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyRotation:
    """Return the rotation of an installation with three secrets and its key in a folder."""
    monkeypatch.setattr(reencryption, "BATCH", 1)
    settings = load(data_dir=tmp_path / "var", database_url=services.settings.database)
    vault = Vault(secret_key(settings))
    for _ in range(3):
        job = services.jobs.create_system_job("job_history_export")
        with writing(services.engine) as connection:
            state = {"seed": vault.encrypt(SecretStr("seed"))}
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(state=state))
    return KeyRotation(services.engine, vault, settings)


def test_a_rotation_that_ran_out_of_time_continues_with_the_same_key(rotation: KeyRotation) -> None:
    assert rotation.replace_key()
    keys = secret_keys(rotation._settings)
    assert rotation.encrypt_again(seconds=0) == 1
    assert rotation.status().outdated == 2
    with pytest.raises(KeyRotationRefused, match="2 rows need an old key"):
        rotation.forget(now=True)
    assert not rotation.replace_key()
    assert secret_keys(rotation._settings) == keys
    assert rotation.encrypt_again() == 2
    assert rotation.forget(now=True) is Forgotten.REMOVED
    assert rotation.forget(now=True) is Forgotten.NONE_LEFT
    assert secret_keys(rotation._settings) == keys[:1]
