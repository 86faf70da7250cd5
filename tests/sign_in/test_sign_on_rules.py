from typing import Any

import pytest

from webapp.accounts.user import Role
from webapp.sign_in.sign_on_rules import SignOnRefused, SignOnRules, values_at

ROLES = {"staff": Role.USER, "it-ops": Role.OPERATOR, "it-admins": Role.ADMIN, "audit": Role.AUDITOR}
RULES = SignOnRules(name_claim="preferred_username", role_claim="groups", tenant_claim="org", roles=ROLES)
ANA: dict[str, Any] = {"sub": "1", "preferred_username": "Ana", "name": "Ana Ruiz", "groups": ["staff"]}


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["staff"], Role.USER),
        ("it-admins", Role.ADMIN),
        (["other", "staff", "it-ops", "audit"], Role.OPERATOR),
        (["audit", "staff"], Role.AUDITOR),
    ],
)
def test_the_strongest_role_of_the_claim_counts(groups: object, role: Role) -> None:
    assert RULES.identity("https://i", {**ANA, "groups": groups}).role is role


@pytest.mark.parametrize("groups", [None, [], "", ["other"], {"admin": True}, [3], ["STAFF"]])
def test_a_claim_without_a_known_role_is_refused_unless_there_is_a_default(groups: object) -> None:
    with pytest.raises(SignOnRefused, match="no role for Deskjob"):
        RULES.identity("https://i", {**ANA, "groups": groups})
    lenient = SignOnRules(role_claim="groups", roles=ROLES, default_role=Role.AUDITOR)
    assert lenient.identity("https://i", {**ANA, "groups": groups}).role is Role.AUDITOR


def test_without_a_role_claim_roles_are_managed_here() -> None:
    rules = SignOnRules(roles=ROLES)
    assert rules.identity("https://i", ANA).role is None
    assert rules.first_role is Role.USER


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({}, "ana"),
        ({"preferred_username": None, "email": "ana@example.org"}, "ana@example.org"),
        ({"preferred_username": None}, "1"),
    ],
)
def test_the_name_is_that_of_a_claim(claims: dict[str, Any], name: str) -> None:
    assert RULES.identity("https://i", {**ANA, **claims}).name == name


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        ({"sub": ""}, "did not say who you are"),
        ({"sub": "x" * 256}, "did not say who you are"),
        ({"preferred_username": "a b"}, "A username"),
        ({"preferred_username": "<script>"}, "A username"),
        ({"org": ["north", "south"]}, "several tenants"),
        ({"org": "n" * 200}, "A tenant must be"),
    ],
)
def test_what_cannot_be_an_account_is_refused_with_a_sentence(claims: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SignOnRefused, match=sentence):
        RULES.identity("https://i", {**ANA, **claims})


def test_a_tenant_is_taken_from_its_claim_and_none_means_none() -> None:
    assert RULES.identity("https://i", {**ANA, "org": "north"}).tenant == "north"
    assert RULES.identity("https://i", ANA).tenant is None
    assert RULES.identity("https://i", ANA).sets_tenant


def test_an_address_that_is_not_verified_is_not_stored_and_a_bad_name_keeps_nobody_out() -> None:
    assert RULES.identity("https://i", {**ANA, "email": "a@example.org"}).email == "a@example.org"
    assert RULES.identity("https://i", {**ANA, "email": "a@example.org", "email_verified": False}).email is None
    assert RULES.identity("https://i", {**ANA, "email": "nonsense", "name": "x" * 500}).full_name == ""


def test_a_claim_can_be_inside_another() -> None:
    claims = {"realm_access": {"roles": ["a", "b"]}, "https://x.y/z": "plain"}
    assert values_at(claims, "realm_access.roles") == ("a", "b")
    assert values_at(claims, "https://x.y/z") == ("plain",)
    assert (
        values_at(claims, "realm_access.roles.more") == values_at(claims, "none.roles") == values_at(claims, "") == ()
    )


def test_groups_are_taken_from_their_claim_and_without_one_are_managed_here() -> None:
    rules = SignOnRules(roles={}, groups_claim="teams.names")
    assert rules.claims == ("teams.names",)
    assert rules.identity("https://i", {**ANA, "teams": {"names": ["Finance", "", 7]}}).groups == ("Finance",)
    assert rules.identity("https://i", ANA).groups == ()
    assert SignOnRules(roles={}).identity("https://i", ANA).groups is None
    assert RULES.proxied_identity("ana", None).groups is None
