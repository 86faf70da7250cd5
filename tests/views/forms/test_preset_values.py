from datetime import date

from pydantic import BaseModel, SecretStr

from webapp.jobs.definition.field_specs import Upload
from webapp.views.forms.preset_values import preset_values


class Login(BaseModel):
    name: str = ""
    password: SecretStr | None = None


class Everything(BaseModel):
    name: str
    day: date | None = None
    key: SecretStr | None = None
    keys: list[SecretStr] = []
    by_host: dict[str, SecretStr] = {}
    table: Upload | None = None
    tables: list[Upload] = []
    login: Login | None = None


def test_secrets_and_files_are_left_out_wherever_they_are() -> None:
    upload = Upload(name="a.csv", size=1, sha256="x")
    values = {
        "name": "n",
        "day": date(2026, 1, 2),
        "key": "hidden",
        "keys": ["hidden"],
        "by_host": {"a": "hidden"},
        "table": upload,
        "tables": [upload],
        "login": {"name": "ana", "password": "hidden"},
        "unknown": "hidden",
    }
    kept = {"name": "n", "day": "2026-01-02", "login": {"name": "ana"}}
    assert preset_values(Everything, values) == kept
    assert preset_values(Everything, kept) == kept


def test_a_section_that_is_left_out_stays_so() -> None:
    assert preset_values(Everything, {"login": None}) == {"login": None}
