from pydantic import BaseModel, SecretStr
from werkzeug.datastructures import MultiDict

from webapp.jobs.definition.payload import Vault
from webapp.views.forms.kept_secrets import stored_secrets, with_kept_secrets


class Door(BaseModel):
    name: str
    code: SecretStr


def test_an_empty_secret_field_keeps_the_stored_secret():
    vault = Vault("k" * 32)
    stored = {"name": "cellar", "code": vault.encrypt(SecretStr("1234"))}
    for typed, code in (({"name": "attic", "code": ""}, "1234"), ({"name": "attic", "code": "9"}, "9")):
        filled = with_kept_secrets(Door, MultiDict(typed), stored, vault)
        assert (filled["name"], filled["code"]) == ("attic", code)
    assert list(stored_secrets(Door, stored)) == ["code"]
