"""What a provider answers is checked before anybody is signed in."""

import json
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.util import urlsafe_b64encode

from tests.sign_in.openid_server import CLIENT, EC_KEY, REDIRECT, OpenIdServer
from webapp.sign_in import openid_provider
from webapp.sign_in.sign_on_attempt import ProviderAway
from webapp.sign_in.sign_on_rules import SignOnRefused

UNVERIFIED = "could not be verified"
Spoil = Callable[[OpenIdServer, dict[str, Any]], str]


def test_the_way_there_has_pkce_a_state_and_a_nonce(openid: OpenIdServer) -> None:
    address, attempt = openid.provider().begin(then="/jobs/new")
    sent = {name: value for name, [value] in parse_qs(urlsplit(address).query).items()}
    challenge = urlsafe_b64encode(sha256(attempt.code_verifier.encode()).digest()).decode().rstrip("=")
    assert address.startswith(f"{openid.issuer}/authorize?")
    assert (sent["code_challenge"], sent["code_challenge_method"]) == (challenge, "S256")
    assert (sent["state"], sent["nonce"], attempt.then) == (attempt.state, attempt.nonce, "/jobs/new")
    assert (sent["client_id"], sent["redirect_uri"], sent["response_type"]) == (CLIENT, REDIRECT, "code")
    assert "prompt" not in sent


def test_the_way_back_sends_the_code_with_its_verifier_and_returns_the_claims(openid: OpenIdServer) -> None:
    provider = openid.provider()
    attempt = openid.begun(provider)
    claims, id_token = provider.finish(attempt, "code-1")
    assert (claims["sub"], claims["name"]) == ("user-1", "Ana Ruiz")
    assert id_token.count(".") == 2
    assert (openid.posted["code"], openid.posted["code_verifier"]) == (["code-1"], [attempt.code_verifier])


SPOILED: dict[str, tuple[Spoil, str]] = {
    "for another application": (lambda p, c: p.signed({**c, "aud": "wiki"}), "meant for another application"),
    "issued to another": (
        lambda p, c: p.signed({**c, "aud": [CLIENT, "wiki"], "azp": "wiki"}),
        UNVERIFIED,
    ),
    "expired": (lambda p, c: p.signed({**c, "exp": time.time() - 300}), "has expired"),
    "not valid yet": (lambda p, c: p.signed({**c, "nbf": time.time() + 900}), "is from the future"),
    "issued in the future": (lambda p, c: p.signed({**c, "iat": time.time() + 3600}), "is from the future"),
    "of another provider": (lambda p, c: p.signed({**c, "iss": "https://other.example"}), UNVERIFIED),
    "of another sign-in": (lambda p, c: p.signed({**c, "nonce": "x"}), UNVERIFIED),
    "without a nonce": (lambda p, c: p.signed({k: v for k, v in c.items() if k != "nonce"}), UNVERIFIED),
    "without a subject": (lambda p, c: p.signed({k: v for k, v in c.items() if k != "sub"}), UNVERIFIED),
    "without an end": (lambda p, c: p.signed({k: v for k, v in c.items() if k != "exp"}), UNVERIFIED),
    "unsigned": (lambda p, c: p.forged(c, "none"), UNVERIFIED),
    "signed with the public key": (lambda p, c: p.forged(c, "HS256", p.key.as_pem(private=False)), UNVERIFIED),
    "signed with the client secret": (lambda p, c: p.forged(c, "HS256", b"s" * 20), UNVERIFIED),
    "signed with an algorithm that is not offered": (lambda p, c: p.signed(c, EC_KEY, alg="ES256"), UNVERIFIED),
    "changed": (lambda p, c: _changed(p.signed(c)), UNVERIFIED),
    "no token": (lambda _p, _c: "nonsense", UNVERIFIED),
}


def _changed(token: str) -> str:
    head, body, signature = token.split(".")
    return f"{head}.{body[:-2]}{'AA' if not body.endswith('AA') else 'BB'}.{signature}"


@pytest.mark.parametrize(("spoil", "sentence"), SPOILED.values(), ids=SPOILED)
def test_a_spoiled_token_signs_nobody_in(openid: OpenIdServer, spoil: Spoil, sentence: str) -> None:
    provider = openid.provider()
    attempt = openid.begun(provider)
    openid.sign = lambda claims: spoil(openid, claims)
    with pytest.raises(SignOnRefused, match=sentence):
        provider.finish(attempt, "code")


def test_a_replaced_key_is_fetched_and_a_withdrawn_one_refused(openid: OpenIdServer) -> None:
    provider = openid.provider()
    provider.finish(openid.begun(provider), "code")
    old = openid.key
    openid.replace_key()
    provider.finish(openid.begun(provider), "code")
    openid.sign = lambda claims: openid.signed(claims, old)
    with pytest.raises(SignOnRefused, match=UNVERIFIED):
        provider.finish(openid.begun(provider), "code")


def test_a_key_that_was_replaced_under_its_name_is_fetched(openid: OpenIdServer) -> None:
    provider = openid.provider()
    provider.finish(openid.begun(provider), "code")
    openid.replace_key(openid.key.kid)
    assert provider.finish(openid.begun(provider), "code")[0]["sub"] == "user-1"


def test_a_withdrawn_key_is_forgotten_after_an_hour(openid: OpenIdServer, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = openid.provider()
    provider.finish(openid.begun(provider), "code")
    old = openid.key
    openid.replace_key()
    openid.sign = lambda claims: openid.signed(claims, old)
    monkeypatch.setattr(openid_provider, "METADATA_LASTS", -1)
    with pytest.raises(SignOnRefused, match=UNVERIFIED):
        provider.finish(openid.begun(provider), "code")


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/.well-known/openid-configuration", (500, b"")),
        ("/.well-known/openid-configuration", (200, b"<html>")),
        ("/.well-known/openid-configuration", (200, b"[]")),
        ("/.well-known/openid-configuration", (200, b"{}")),
        ("/token", (502, b"<html>")),
        ("/jwks", (500, b"")),
        ("/jwks", (200, b"{}")),
    ],
)
def test_a_provider_that_is_broken_counts_as_away(openid: OpenIdServer, path: str, answer: tuple[int, bytes]) -> None:
    openid.answers[path] = answer
    provider = openid.provider()
    with pytest.raises(ProviderAway):
        provider.finish(openid.begun(provider), "code")


def test_a_provider_that_is_away_is_asked_again(openid: OpenIdServer) -> None:
    provider = openid.provider()
    openid.answers["/.well-known/openid-configuration"] = (503, b"")
    with pytest.raises(ProviderAway):
        provider.begin()
    assert provider.logout_url("token", "https://jobs.example.org/login") == ""
    del openid.answers["/.well-known/openid-configuration"]
    assert provider.begin()[0].startswith(openid.issuer)


def test_a_provider_that_calls_itself_otherwise_is_refused(openid: OpenIdServer) -> None:
    openid.metadata["issuer"] = "https://other.example"
    with pytest.raises(ProviderAway):
        openid.provider().begin()


def test_a_code_that_the_provider_refuses_signs_nobody_in(openid: OpenIdServer) -> None:
    provider = openid.provider()
    attempt = openid.begun(provider)
    openid.answers["/token"] = (400, json.dumps({"error": "invalid_grant"}).encode())
    with pytest.raises(SignOnRefused, match="refused to confirm"):
        provider.finish(attempt, "code")


def test_claims_that_the_token_lacks_are_asked_for(openid: OpenIdServer) -> None:
    openid.user_info = {"sub": "user-1", "groups": ["staff"], "name": "Other"}
    provider = openid.provider()
    claims, _token = provider.finish(openid.begun(provider), "code", ("groups", "name"))
    assert (claims["groups"], claims["name"]) == (["staff"], "Ana Ruiz")
    openid.user_info["sub"] = "user-2"
    with pytest.raises(SignOnRefused):
        provider.finish(openid.begun(provider), "code", ("groups",))


def test_a_confirmation_needs_a_fresh_proof(openid: OpenIdServer) -> None:
    provider = openid.provider()
    address, _attempt = provider.begin(confirms=True)
    assert "prompt=login" in address
    assert "max_age=0" in address
    for proved_at in (None, time.time() - 3600):
        openid.claims["auth_time"] = proved_at
        with pytest.raises(SignOnRefused, match="prove who you are"):
            provider.finish(openid.begun(provider, confirms=True), "code")
    openid.claims["auth_time"] = int(time.time())
    assert provider.finish(openid.begun(provider, confirms=True), "code")


def test_the_way_out_names_the_sign_in_and_the_way_back(openid: OpenIdServer) -> None:
    provider = openid.provider()
    leaving = parse_qs(urlsplit(provider.logout_url("an.id.token", "https://jobs.example.org/login")).query)
    assert leaving["id_token_hint"] == ["an.id.token"]
    assert leaving["post_logout_redirect_uri"] == ["https://jobs.example.org/login"]
    openid.metadata["end_session_endpoint"] = None
    assert openid.provider().logout_url("an.id.token", "https://jobs.example.org/login") == ""
