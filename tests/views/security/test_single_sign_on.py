import pytest

from webapp.app import create_app
from webapp.config import BadSettingError, Settings
from webapp.views.security.single_sign_on import is_break_glass, local_admin, may_use_password, single_sign_on


def test_without_settings_passwords_are_the_only_way(app: object) -> None:
    assert single_sign_on() is None
    assert may_use_password("ana")
    assert not is_break_glass("root")


def test_with_an_emergency_admin_only_this_one_has_a_password(settings: Settings) -> None:
    changes = {"oidc_issuer": "https://login.example.org", "oidc_client_id": "d", "public_url": "https://d.example.org"}
    with_sign_on = settings.model_copy(update=changes)
    with create_app(with_sign_on).app_context():
        assert may_use_password("ana")
    with create_app(with_sign_on.model_copy(update={"break_glass_admin": "Root"})).app_context():
        assert [may_use_password(name) for name in ("ana", "root")] == [False, True]
        assert [is_break_glass(name) for name in ("ana", "root")] == [False, True]


def test_the_emergency_admin_is_spelled_like_its_account(settings: Settings) -> None:
    assert local_admin(settings.model_copy(update={"break_glass_admin": "KEEPER"})) == "keeper"
    assert local_admin(settings) == ""


def test_a_bad_rule_stops_the_start(settings: Settings) -> None:
    with pytest.raises(BadSettingError, match="DESKJOB_SIGN_ON_ROLES"):
        create_app(settings.model_copy(update={"sign_on_roles": "staff"}))
