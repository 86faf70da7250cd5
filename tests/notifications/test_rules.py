from dataclasses import replace

import pytest
from sqlalchemy import select

from webapp.db.engine import reading
from webapp.notifications import rules as module
from webapp.notifications.rule import InvalidRule, RuleDraft
from webapp.notifications.rules import RuleNotFound
from webapp.schema import notification_rules

pytestmark = pytest.mark.usefixtures("database")

HOOK = RuleDraft(name="Failures", topics=("failed",), channel="webhook", address="https://example.org/secret")


def test_secrets_are_stored_encrypted_and_come_back_for_the_delivery_only(office, user, services):
    rule, key = office.rule_and_key(user, "failed", channel="webhook", address="https://example.org/secret")
    with reading(services.engine) as connection:
        row = str(connection.execute(select(notification_rules)).one())
    assert "example.org/secret" not in row
    assert key.removeprefix("whsec_") not in row
    target = services.notification_rules.target(rule.id)
    assert (target.address, target.signing_key) == ("https://example.org/secret", key)


def test_a_change_without_an_address_keeps_it_and_the_key(office, user, services):
    rule, key = office.rule_and_key(user, "failed", channel="webhook", address=HOOK.address)
    checked = office.form(user).checked(replace(HOOK, name="New", address=""), has_address=True)
    changed = services.notification_rules.change(rule.id, checked)
    assert (changed.name, changed.shown_address) == ("New", "https://example.org/…")
    assert services.notification_rules.target(rule.id).signing_key == key
    services.notification_rules.change(rule.id, replace(HOOK, address="https://example.org/other"))
    assert services.notification_rules.target(rule.id).address == "https://example.org/other"


def test_rules_belong_to_a_user_or_to_the_installation(office, user, person, services):
    mine, theirs = office.rule(user, "failed"), office.rule(None, "failed", recipients=("a@example.org",))
    rules = services.notification_rules
    assert rules.of_user(user.id) == (mine,)
    assert rules.of_user(None) == (theirs,)
    assert rules.of_user(person("bea").id) == ()
    rules.delete(mine.id)
    for act in (rules.get, rules.target, lambda rule_id: rules.set_enabled(rule_id, enabled=True)):
        with pytest.raises(RuleNotFound):
            act(mine.id)


def test_one_user_and_the_installation_have_a_limited_number_of_rules(office, user, monkeypatch):
    monkeypatch.setattr(module, "MOST_RULES", 2)
    for _ in range(2):
        office.rule(user, "failed")
    with pytest.raises(InvalidRule, match="at most 2 rules"):
        office.rule(user, "failed")
    office.rule(None, "failed", recipients=("a@example.org",))
