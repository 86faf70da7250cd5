import pytest

from webapp.config import Settings
from webapp.notifications.rule import RuleDraft
from webapp.views.notifications.access import masked

TEAM = {"name": "Team", "topic": "no_worker", "channel": "mail", "recipients": "team@example.org, boss@example.org"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"smtp_url": "smtp://127.0.0.1:1", "public_url": "http://localhost"})


def test_an_admin_adds_a_rule_of_the_installation_with_recipients(admins, services):
    assert admins.post("/admin/notifications/new", data={**TEAM, "language": "de"}).status_code == 303
    [rule] = services.notification_rules.of_user(None)
    assert (rule.recipients, rule.language, rule.whose) == (("team@example.org", "boss@example.org"), "de", "all")
    assert "team@example.org, boss@example.org" in admins.get("/admin/notifications").text


def test_a_rule_can_be_limited_to_a_person(admins, services, user):
    refused = admins.post("/admin/notifications/new", data={**TEAM, "owner": "nobody"})
    assert "There is no account named nobody." in refused.text
    admins.post("/admin/notifications/new", data={**TEAM, "owner": "ana"})
    [rule] = services.notification_rules.of_user(None)
    assert rule.owner_id == user.id
    assert 'value="ana"' in admins.get(f"/admin/notifications/{rule.id}").text


def test_others_read_masked_addresses_and_cannot_change(admins, client_of, person, services, user):
    admins.post("/admin/notifications/new", data=TEAM)
    services.delivery_log.add_test(services.notification_rules.of_user(None)[0])
    page = client_of(person("reader", role="auditor")).get("/admin/notifications").text
    assert "team@example.org" not in page
    assert "t…@example.org, b…@example.org" in page
    assert "Only admins can do this." in page
    assert "Send again" not in page


def test_the_log_shows_the_messages_of_all_rules(admins, services, user):
    draft = RuleDraft(name="Mine", topics=("failed",), channel="webhook", address="https://example.org/secret")
    rule, _ = services.notification_rules.add(services.rule_form(user).checked(draft), user_id=user.id)
    services.delivery_log.add_test(rule)
    page = admins.get("/admin/notifications").text
    assert "Ana Ruiz" in page
    assert "https://example.org/…" in page
    assert "secret" not in page


def test_masked_addresses_keep_their_domain():
    assert masked("ana@example.org, https://example.org/…") == "a…@example.org, https://example.org/…"
