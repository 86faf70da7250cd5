from collections.abc import Callable

import pytest
from pydantic import BaseModel, SecretStr
from sqlalchemy import select, update

from webapp.accounts.user import Role
from webapp.db.engine import reading, writing
from webapp.inbound.webhook import WebhookDraft
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.definition.payload import SECRET, Vault
from webapp.jobs.execution.context import JobContext
from webapp.jobs.maintenance import reencryption
from webapp.jobs.maintenance.reencryption import count_outdated, encrypt_again
from webapp.jobs.model.job import Job
from webapp.schema import jobs
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
NEW = "n" * 40


class Login(BaseModel):
    name: str
    password: SecretStr


def sign_in(job: JobContext, payload: Login) -> None:
    pass


@pytest.fixture
def make_job(services: Services) -> Callable[[str], Job]:
    services.registry.add(job_type("login", title="Log in")(sign_in))
    return lambda password: services.jobs.create_job("login", {"name": "ann", "password": password})


@pytest.fixture
def rotated(services: Services) -> Vault:
    return Vault(NEW, services.secret_key)


def test_every_stored_secret_gets_the_current_key(
    services: Services, make_job: Callable[[str], Job], rotated: Vault
) -> None:
    made = [make_job(f"secret {number}") for number in range(5)]
    services.accounts.add_service("robot", role=Role.USER)
    draft = WebhookDraft(name="orders", type="job_history_export", account="robot")
    webhook, secret = services.webhooks.add(draft)
    services.webhook_messages.add(webhook.id, b'{"a": 1}', {}, size=8, status=422)
    with writing(services.engine) as connection:
        state = {"seeds": [services.vault.encrypt(SecretStr("seed"))], "line": 7}
        connection.execute(update(jobs).where(jobs.c.id == made[0].id).values(state=state))
    assert count_outdated(services.engine, rotated) == (7, 0)
    assert encrypt_again(services.engine, rotated) == 7
    assert count_outdated(services.engine, rotated) == (0, 0)
    only_new = Vault(NEW)
    for number, job in enumerate(made):
        found = services.jobs.get(job.id)
        assert found.payload["name"] == "ann"
        assert only_new.decrypt(found.payload["password"]) == f"secret {number}"
        assert found.version == job.version
    seeded = services.jobs.get(made[0].id).state
    assert (only_new.decrypt(seeded["seeds"][0]), seeded["line"]) == ("seed", 7)
    services.vault.use_keys(NEW)
    assert services.webhooks.secrets(webhook.id) == (secret,)
    assert encrypt_again(services.engine, rotated) == 0


def test_an_interrupted_run_continues_with_what_is_left(
    services: Services, make_job: Callable[[str], Job], rotated: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reencryption, "BATCH", 2)
    for number in range(5):
        make_job(f"secret {number}")

    def interrupt(done: int) -> None:
        if done >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encrypt_again(services.engine, rotated, interrupt)
    assert count_outdated(services.engine, rotated) == (3, 0)
    assert encrypt_again(services.engine, rotated) == 3


def test_a_secret_that_no_key_decrypts_is_not_changed(
    services: Services, make_job: Callable[[str], Job], rotated: Vault
) -> None:
    lost = make_job("secret")
    foreign = {"name": "x", "password": Vault("f" * 40).encrypt(SecretStr("x"))}
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == lost.id).values(payload=foreign))
    assert count_outdated(services.engine, rotated) == (0, 1)
    assert encrypt_again(services.engine, rotated) == 0
    with reading(services.engine) as connection:
        assert connection.execute(select(jobs.c.payload).where(jobs.c.id == lost.id)).scalar_one() == foreign


def test_a_worker_that_still_has_the_old_key_reads_the_new_one_when_it_needs_it() -> None:
    keys = ["o" * 40]
    running = Vault(*keys, reload=lambda: keys)
    keys.insert(0, NEW)
    stored = Vault(*keys).encrypt(SecretStr("secret"))
    assert running.decrypt(stored) == "secret"
    assert Vault(NEW).decrypt(running.encrypt(SecretStr("later"))) == "later"
    assert SECRET in stored
