import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import Result

from webapp.accounts.tokens import Scope
from webapp.accounts.user import User
from webapp.cli.accounts.tokens import SCOPES
from webapp.services import Services


def test_the_command_knows_every_scope() -> None:
    assert tuple(Scope) == SCOPES


def test_a_token_is_printed_once_and_works(run: Callable[..., Result], services: Services, user: User) -> None:
    done = run("token", "add", "nightly", "--as", "ana")
    text = done.stdout.strip()
    found, token = services.tokens.find(text)
    assert (found, token.scopes) == (user, {Scope.READ, Scope.START})
    assert token.expires_at - token.created_at == timedelta(days=90)
    listed = run("token", "list").output
    assert text not in listed
    assert token.prefix in listed


def test_a_service_account_and_its_token_are_made_on_the_command_line(
    run: Callable[..., Result], services: Services
) -> None:
    assert run("user", "add", "robot", "--role", "operator", "--service").exit_code == 0
    done = run("token", "add", "ops", "--as", "robot", "--scope", "operate", "--expires", "never", "--json")
    made = json.loads(done.stdout)
    assert services.tokens.find(made["token"])[0].is_service
    assert (made["scopes"], made["expires_at"]) == (["operate"], None)
    assert run("user", "add", "robot2", "--service", "--password-stdin").exit_code == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("add", "x", "--as", "nobody"), "no account named nobody"),
        (("add", "x", "--as", "ana", "--scope", "admin"), "does not allow the scope admin"),
        (("add", "x", "--as", "ana", "--expires", "2001-01-01T00:00Z"), "cannot expire in the past"),
        (("add", "x", "--as", "ana", "--expires", "soon"), "is not a time"),
        (("revoke", "nightly"), "no active token nightly"),
    ],
)
def test_a_mistake_is_one_sentence(
    run: Callable[..., Result], user: User, words: tuple[str, ...], sentence: str
) -> None:
    done = run("token", *words)
    assert done.exit_code in {1, 2}
    assert sentence in done.output


def test_a_revoked_token_is_dead_and_its_line_says_so(
    run: Callable[..., Result], services: Services, user: User, admin: User
) -> None:
    text = run("token", "add", "nightly", "--as", "ana").stdout.strip()
    run("token", "add", "nightly", "--as", admin.name)
    assert "2 tokens match nightly" in run("token", "revoke", "nightly").output
    assert run("token", "revoke", text[:9]).exit_code == 0
    assert services.tokens.find(text) is None
    assert "revoked" in run("token", "list", "--as", "ana").output
