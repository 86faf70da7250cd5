from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, SecretStr

from webapp.jobs.definition.field_specs import Upload
from webapp.views.job.parameters import HIDDEN, parameters


class Kind(StrEnum):
    PLAIN = "plain"


class Credentials(BaseModel):
    user: str
    password: SecretStr


class Payload(BaseModel):
    month: date = date(2026, 10, 1)
    since: datetime | None = None
    format: Literal["pdf", "xlsx"] = "pdf"
    kind: Kind = Kind.PLAIN
    delivery: Literal["mail", "post"] | None = Field(default=None, json_schema_extra={"labels": {"mail": "By e-mail"}})
    kinds: list[Kind] = Field(default=[], json_schema_extra={"labels": {"plain": "Without pictures"}})
    with_details: bool = Field(default=True, title="Details")
    customers: list[str] = []
    limits: dict[str, int] = {}
    note: str = ""
    file: Upload | None = None
    api_key: SecretStr | None = None
    login: Credentials | None = None
    spare_keys: list[SecretStr] = []


def shown(**stored: Any) -> dict[str, str]:
    return {parameter.label: parameter.text for parameter in parameters(Payload, stored, ZoneInfo("Europe/Madrid"))}


def test_values_have_labels_and_are_formatted() -> None:
    assert shown(month="2026-10-01", format="pdf", with_details=True, customers=["Acme", "Initech"], note="") == {
        "Month": "1 October 2026",
        "Format": "PDF",
        "Details": "Yes",
        "Customers": "Acme, Initech",
        "Note": "Not set",
    }


def test_values_that_are_not_set_are_marked() -> None:
    stored = {"note": "", "customers": [], "login": None, "file": None, "format": "pdf", "with_details": False}
    found = parameters(Payload, stored, ZoneInfo("Europe/Madrid"))
    assert [parameter.name for parameter in found if parameter.is_unset] == ["customers", "note", "file", "login"]


def test_a_choice_is_shown_with_its_label() -> None:
    assert shown(kind="plain", delivery="mail", kinds=["plain"]) == {
        "Kind": "Plain",
        "Delivery": "By e-mail",
        "Kinds": "Without pictures",
    }
    assert shown(delivery="post", kinds=[]) == {"Delivery": "Post", "Kinds": "Not set"}


def test_a_value_that_is_no_longer_an_option_is_shown_unchanged() -> None:
    assert shown(format="doc", kinds=["plain", "old"]) == {"Format": "doc", "Kinds": "plain, old"}


def test_a_moment_is_shown_in_the_time_zone_of_the_viewer() -> None:
    assert shown(since="2026-10-01T22:30:00Z") == {"Since": "2 October 2026, 00:30"}
    assert shown(since="9999-12-31T23:59:59Z") == {"Since": "31 December 9999, 23:59"}, "the calendar ends there"


def test_a_file_is_shown_by_its_name() -> None:
    assert shown(file={"name": "a.csv", "size": 3, "sha256": "0", "media_type": "text/csv"}) == {"File": "a.csv"}


def test_nested_values_stay_readable() -> None:
    assert shown(limits={"rows": 5}) == {"Limits": '{\n "rows": 5\n}'}


def test_secrets_are_hidden_wherever_they_are() -> None:
    stored = {
        "api_key": {"$secret": "gAAAA-closed"},
        "login": {"user": "ana", "password": {"$secret": "gAAAA-closed"}},
        "spare_keys": ["clear by mistake"],
    }
    assert shown(**stored) == {"API key": HIDDEN, "Login: User": "ana", "Login: Password": HIDDEN, "Spare keys": HIDDEN}


def test_a_nested_model_without_a_value_is_one_parameter() -> None:
    assert shown(login=None) == {"Login": "Not set"}


def test_several_files_are_shown_by_their_names() -> None:
    class Scans(BaseModel):
        scans: list[Upload]

    stored = {"scans": [{"name": "a.csv", "size": 3, "sha256": "0"}, {"name": "b.csv", "size": 3, "sha256": "1"}]}
    [files] = parameters(Scans, stored, ZoneInfo("UTC"))
    assert files.text == "a.csv, b.csv"
    [none] = parameters(Scans, {"scans": []}, ZoneInfo("UTC"))
    assert none.text == "Not set"


def test_an_encrypted_secret_stays_hidden_when_its_field_is_no_longer_secret() -> None:
    assert shown(note={"$secret": "gAAAA-closed"}) == {"Note": HIDDEN}


def test_values_without_a_field_are_not_shown() -> None:
    assert shown(forgotten="value") == {}
