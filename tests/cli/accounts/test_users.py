import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from pyotp import TOTP
from sqlalchemy import select

from webapp.accounts.user import Role, User
from webapp.cli import context
from webapp.cli import user as group
from webapp.db.engine import reading
from webapp.schema import audit
from webapp.services import Services


@pytest.fixture
def run(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run `deskjob user …` in this process."""
    monkeypatch.setattr(context, "app", lambda: app)
    monkeypatch.setattr(context, "opened", lambda: app.extensions["deskjob"])
    return lambda *words, typed=None: CliRunner().invoke(group, list(words), input=typed)


def test_a_user_is_added_with_a_password_from_standard_input(run: Callable[..., Result], services: Services) -> None:
    done = run("add", "grace", "--role", "operator", "--password-stdin", typed="a long enough secret\n")
    assert done.exit_code == 0
    assert "a long enough secret" not in done.output
    assert services.accounts.authenticate("grace", "a long enough secret").role is Role.OPERATOR


def test_a_generated_password_is_shown_once(run: Callable[..., Result], services: Services) -> None:
    shown = run("add", "linus").output.rpartition("Password (shown only once): ")[2].strip()
    assert services.accounts.authenticate("linus", shown) is not None


def test_a_disabled_user_cannot_sign_in(run: Callable[..., Result], services: Services) -> None:
    run("add", "linus", "--password-stdin", typed="a long enough secret\n")
    assert run("disable", "linus").exit_code == 0
    assert services.accounts.authenticate("linus", "a long enough secret") is None
    assert "(disabled)" in run("list").output


def test_the_last_admin_cannot_be_disabled(run: Callable[..., Result], services: Services) -> None:
    run("add", "boss", "--role", "admin", "--password-stdin", typed="a long enough secret\n")
    assert "last admin" in run("disable", "boss").output
    run("add", "deputy", "--role", "admin", "--password-stdin", typed="a long enough secret\n")
    assert run("disable", "boss").exit_code == 0
    assert run("enable", "boss").exit_code == 0
    assert services.accounts.authenticate("boss", "a long enough secret") is not None


def test_a_user_gets_a_new_password(run: Callable[..., Result], services: Services) -> None:
    run("add", "linus", "--password-stdin", typed="a long enough secret\n")
    shown = run("password", "linus").output.rpartition("Password (shown only once): ")[2].strip()
    assert services.accounts.authenticate("linus", "a long enough secret") is None
    assert services.accounts.authenticate("linus", shown) is not None


@pytest.mark.parametrize("words", [("disable", "nobody"), ("add", "x", "--password-stdin")])
def test_an_impossible_change_is_one_sentence(run: Callable[..., Result], words: tuple[str, ...]) -> None:
    done = run(*words, typed="short\n")
    assert done.exit_code == 1
    assert done.output.startswith("deskjob: ")


def test_a_role_is_changed_and_printed_as_json(run: Callable[..., Result], services: Services) -> None:
    run("add", "linus", "--password-stdin", typed="a long enough secret\n")
    answer = json.loads(run("role", "linus", "operator", "--json").output)
    assert (answer["name"], answer["role"]) == ("linus", "operator")
    assert services.accounts.by_name("linus").role is Role.OPERATOR
    assert "no account named nobody" in run("role", "nobody", "admin").output


def test_only_a_generated_password_must_be_changed(run: Callable[..., Result], services: Services) -> None:
    created = json.loads(run("add", "linus", "--json").output)
    assert services.accounts.authenticate("linus", created["one_time_password"]).password_is_temporary
    run("password", "linus", "--password-stdin", typed="a long enough secret\n")
    assert not services.accounts.by_name("linus").password_is_temporary


def test_users_can_be_searched(run: Callable[..., Result]) -> None:
    for name in ("linus", "grace"):
        run("add", name, "--password-stdin", typed="a long enough secret\n")
    assert [one["name"] for one in json.loads(run("list", "--search", "gra", "--json").output)] == ["grace"]


def test_a_lost_second_factor_is_removed_and_recorded(
    run: Callable[..., Result], services: Services, user: User
) -> None:
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    services.second_factors.switch_on(user.id, secret, TOTP(secret).now())
    assert run("remove-second-factor", "ana").exit_code == 0
    found = services.accounts.by_name("ana")
    assert (found.has_second_factor, found.factor_removed_at is not None) == (False, True)
    with reading(services.engine) as connection:
        assert connection.execute(select(audit.c.action, audit.c.object_id)).all() == [("factor_off", "ana")]
    assert "There is no account named bert." in run("remove-second-factor", "bert").output
