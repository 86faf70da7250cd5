import subprocess
import sys
from pathlib import Path

import pytest

from webapp.config import BadSettingError, Settings, load
from webapp.sign_in.sign_on_rules import SignOnRules
from webapp.sign_in.sign_on_settings import client_secret, openid_provider, redirect_uri

WHOLE = {
    "oidc_issuer": "https://login.example.org/main",
    "oidc_client_id": "deskjob",
    "public_url": "https://example.org/office/",
}


def settings(tmp_path: Path, **changes: object) -> Settings:
    return load(data_dir=tmp_path, **{**WHOLE, **changes})


def test_the_provider_gets_the_address_below_the_public_path(tmp_path: Path) -> None:
    assert redirect_uri(settings(tmp_path)) == "https://example.org/office/login/callback"
    provider = openid_provider(settings(tmp_path))
    assert provider is not None
    assert provider.issuer == WHOLE["oidc_issuer"]


def test_without_an_issuer_there_is_no_provider_and_authlib_is_not_imported(tmp_path: Path) -> None:
    assert openid_provider(settings(tmp_path, oidc_issuer="")) is None
    code = "import sys, webapp.sign_in.sign_on_settings as s; sys.exit('authlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"oidc_client_id": ""}, "DESKJOB_OIDC_CLIENT_ID"),
        ({"public_url": ""}, "DESKJOB_PUBLIC_URL"),
        ({"oidc_scopes": "profile"}, "DESKJOB_OIDC_SCOPES must contain openid"),
        ({"oidc_issuer": "http://login.example.org"}, "DESKJOB_OIDC_ISSUER cannot be used"),
        ({"oidc_issuer": "login.example.org"}, "DESKJOB_OIDC_ISSUER cannot be used"),
        ({"oidc_client_secret_file": Path("/nowhere/secret")}, "/nowhere/secret.*No such file"),
        ({"sign_on_accounts": "all"}, "DESKJOB_SIGN_ON_ACCOUNTS cannot be used"),
        ({"sign_on_roles": "staff"}, "DESKJOB_SIGN_ON_ROLES cannot be used"),
        ({"sign_on_roles": "staff=king"}, "DESKJOB_SIGN_ON_ROLES cannot be used"),
        ({"sign_on_roles": "=admin"}, "DESKJOB_SIGN_ON_ROLES cannot be used"),
        ({"sign_on_default_role": "king"}, "DESKJOB_SIGN_ON_DEFAULT_ROLE cannot be used"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path, changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(BadSettingError, match=sentence):
        openid_provider(bad := settings(tmp_path, **changes)) and SignOnRules.of(bad)


def test_the_secret_can_be_in_a_file_and_is_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from a file\n")
    given = settings(tmp_path, oidc_client_secret_file=file)
    assert client_secret(given) == "from a file"
    assert client_secret(settings(tmp_path)) is None
    given = settings(tmp_path, oidc_client_secret="top secret")
    assert client_secret(given) == "top secret"
    assert "top secret" not in f"{given!r}"
    file.write_text("")
    with pytest.raises(BadSettingError, match="it is empty"):
        client_secret(settings(tmp_path, oidc_client_secret_file=file))
