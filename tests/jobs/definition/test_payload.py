from datetime import date
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, SecretStr

from webapp.jobs.definition.job_type import InvalidPayload, JobType, job_type
from webapp.jobs.definition.payload import UnreadableSecret, Vault, dump_payload, is_secret, load_payload


class Account(BaseModel):
    user: str
    password: SecretStr


class Everything(BaseModel):
    day: date = date(2026, 2, 28)
    amount: Decimal = Decimal("1.10")
    id: UUID = UUID(int=7)
    mode: Literal["a", "b"] = "b"
    token: SecretStr = SecretStr("t-secret")
    maybe: SecretStr | None = None
    account: Account = Account(user="ana", password=SecretStr("p-secret"))
    accounts: list[Account] = Field(default_factory=lambda: [Account(user="ben", password=SecretStr("l-secret"))])
    tokens: dict[str, SecretStr] = Field(default_factory=lambda: {"x": SecretStr("d-secret")})
    from_: str = Field(default="here", alias="from")


@pytest.fixture
def everything_type() -> JobType:
    @job_type("everything", title="Everything")
    def everything(job: object, payload: Everything) -> None:
        """Do nothing."""

    return everything


@pytest.fixture
def vault() -> Vault:
    return Vault("k" * 32)


def test_a_stored_payload_is_loaded_unchanged(everything_type: JobType, vault: Vault) -> None:
    payload = Everything()
    assert load_payload(everything_type, dump_payload(payload, vault), vault) == payload


def test_secrets_are_encrypted_at_any_depth(vault: Vault) -> None:
    stored = dump_payload(Everything(), vault)
    assert "-secret" not in str(stored)
    assert "****" not in str(stored)
    for value in (
        stored["token"],
        stored["account"]["password"],
        stored["accounts"][0]["password"],
        stored["tokens"]["x"],
    ):
        assert is_secret(value)
    assert stored["maybe"] is None


def test_the_same_secret_is_encrypted_differently_each_time(vault: Vault) -> None:
    assert dump_payload(Everything(), vault)["token"] != dump_payload(Everything(), vault)["token"]


def test_a_secret_cannot_be_decrypted_with_another_key(everything_type: JobType, vault: Vault) -> None:
    stored = dump_payload(Everything(), vault)
    with pytest.raises(UnreadableSecret, match="SECRET_KEY has changed"):
        load_payload(everything_type, stored, Vault("o" * 32))


def test_a_stored_payload_is_validated_when_it_is_loaded(everything_type: JobType, vault: Vault) -> None:
    with pytest.raises(InvalidPayload, match="mode"):
        load_payload(everything_type, {**dump_payload(Everything(), vault), "mode": "gone"}, vault)


@pytest.mark.parametrize("value", [{}, {"$secret": "x", "more": 1}, {"a": 1}, None, "x", ["$secret"]])
def test_only_an_encrypted_secret_is_recognised(value: Any) -> None:
    assert not is_secret(value)


def test_an_old_payload_is_loaded_after_its_type_gained_a_field_and_lost_another(vault: Vault) -> None:
    class OldPayload(BaseModel):
        day: date = date(2026, 2, 28)
        removed: str = "no longer known"

    class NewPayload(BaseModel):
        day: date
        added: int = 7

    @job_type("changed", title="Changed")
    def changed(job: object, payload: NewPayload) -> None:
        """Do nothing."""

    loaded = load_payload(changed, dump_payload(OldPayload(), vault), vault)
    assert loaded == NewPayload(day=date(2026, 2, 28), added=7)


def test_keys_are_stored_as_json_has_them(vault: Vault) -> None:
    class Prices(BaseModel):
        by_year: dict[int, str]

    assert dump_payload(Prices(by_year={2026: "1.10"}), vault) == {"by_year": {"2026": "1.10"}}
