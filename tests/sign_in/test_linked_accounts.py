from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from webapp.accounts.user import Role, User
from webapp.db.engine import reading
from webapp.schema import audit
from webapp.services import Services
from webapp.sign_in.linked_accounts import LinkedAccounts, identity_of
from webapp.sign_in.sign_on_rules import AccountRule, SignOnIdentity, SignOnRefused, SignOnRules

ISSUER = "https://login.example.org"


def identity(name: str = "zoe", subject: str = "", **values: Any) -> SignOnIdentity:
    return SignOnIdentity(issuer=ISSUER, subject=subject or f"sub-{name}", name=name, **values)


def linked(services: Services, rule: AccountRule = AccountRule.CREATE, **rules: Any) -> LinkedAccounts:
    return LinkedAccounts(services.engine, SignOnRules(roles={}, accounts=rule, **rules), local="keeper")


def lines(services: Services) -> list[tuple[str, str]]:
    with reading(services.engine) as connection:
        return [(row.action, row.object_id) for row in connection.execute(select(audit).order_by(audit.c.id))]


def test_the_first_sign_in_creates_an_account_without_a_password(services: Services) -> None:
    zoe = linked(services, default_role=Role.AUDITOR).enter(identity(full_name="Zoe Lang", email="zoe@example.org"))
    assert (zoe.name, zoe.role, zoe.full_name, zoe.email) == ("zoe", Role.AUDITOR, "Zoe Lang", "zoe@example.org")
    assert not zoe.has_password
    assert services.accounts.authenticate("zoe", "") is None
    assert linked(services).enter(identity()).id == zoe.id
    assert lines(services) == [("user_add", "zoe")]
    found = identity_of(services.engine, zoe.id)
    assert found is not None
    assert (found.issuer, found.subject) == (ISSUER, "sub-zoe")


def test_the_subject_leads_to_the_account_and_not_the_name(services: Services) -> None:
    zoe = linked(services).enter(identity())
    assert linked(services).enter(identity("renamed", subject="sub-zoe")).id == zoe.id
    with pytest.raises(SignOnRefused, match="already named zoe"):
        linked(services, AccountRule.CONNECT).enter(identity("zoe", subject="somebody else"))


def test_role_and_tenant_are_read_at_each_sign_in_and_audited(services: Services) -> None:
    enter = linked(services).enter
    enter(identity(role=Role.OPERATOR, tenant="north", sets_tenant=True))
    zoe = enter(identity(role=Role.USER, sets_tenant=True))
    assert (zoe.role, zoe.tenant) == (Role.USER, None)
    assert lines(services) == [("user_add", "zoe"), ("user_role", "zoe")]
    assert enter(identity()).role is Role.USER  # managed here when the provider says none


@pytest.mark.parametrize("rule", AccountRule)
def test_an_account_that_exists_is_connected_only_by_rule(
    services: Services, person: Callable[..., User], password: str, rule: AccountRule
) -> None:
    ana = person("ana", role="operator")
    if rule is AccountRule.CREATE:
        with pytest.raises(SignOnRefused, match="already named ana"):
            linked(services, rule).enter(identity("ana"))
        assert services.accounts.authenticate("ana", password)
    else:
        assert linked(services, rule).enter(identity("ana")).id == ana.id
        assert services.accounts.authenticate("ana", password) is None


def test_without_an_account_nobody_enters_if_the_rule_says_so(services: Services) -> None:
    with pytest.raises(SignOnRefused, match="no account here yet"):
        linked(services, AccountRule.EXISTING).enter(identity())
    assert services.accounts.by_name("zoe") is None


def test_the_emergency_admin_and_service_accounts_are_never_connected(
    services: Services, person: Callable[..., User]
) -> None:
    person("keeper", role="admin")
    services.accounts.add_service("robot")
    for name in ("keeper", "robot"):
        with pytest.raises(SignOnRefused, match=f"already named {name}"):
            linked(services, AccountRule.CONNECT).enter(identity(name))


def test_a_disabled_account_stays_out(services: Services) -> None:
    linked(services).enter(identity())
    services.accounts.disable("zoe")
    with pytest.raises(SignOnRefused, match="is disabled"):
        linked(services).enter(identity())


def test_the_last_admin_is_not_demoted_by_a_claim(services: Services, person: Callable[..., User]) -> None:
    enter = linked(services).enter
    enter(identity(role=Role.ADMIN))
    with pytest.raises(SignOnRefused, match="last admin"):
        enter(identity(role=Role.USER))
    person("other", role="admin")
    assert enter(identity(role=Role.USER)).role is Role.USER


def test_groups_of_the_provider_are_read_at_each_sign_in_and_those_by_hand_stay(services: Services) -> None:
    enter, groups = linked(services).enter, services.user_groups
    finance, sales = groups.add("Finance"), groups.add("Sales")
    zoe = enter(identity(groups=("Finance", "Unknown")))
    assert zoe.groups == ("Finance",)
    groups.add_member(sales, zoe.id)
    assert enter(identity(groups=("Finance",))).groups == ("Finance", "Sales")
    assert enter(identity()).groups == ("Finance", "Sales")  # managed here if the provider names none
    assert enter(identity(groups=())).groups == ("Sales",)
    assert lines(services) == [("user_add", "zoe"), ("user_change", "zoe"), ("user_change", "zoe")]
    assert [group.members for group in (groups.get(finance.id), groups.get(sales.id))] == [0, 1]
