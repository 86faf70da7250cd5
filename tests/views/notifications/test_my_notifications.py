import pytest
from werkzeug.datastructures import MultiDict

from webapp.config import Settings

FORM = MultiDict(
    [
        *(("name", "Failures"), ("topic", "failed"), ("topic", "finished")),
        *(("channel", "webhook"), ("address", "https://hooks.example.org/secret")),
    ]
)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"smtp_url": "smtp://127.0.0.1:1"})


def rules(services, user):
    return services.notification_rules.of_user(user.id)


def test_a_page_without_rules_says_what_a_rule_does(client):
    page = client.get("/me/notifications").text
    assert "No rules yet" in page
    assert "DESKJOB_PUBLIC_URL is not set" in page


def test_a_rule_is_added_and_its_signing_key_is_shown_once(client, services, user):
    added = client.post("/me/notifications/new", data=FORM, follow_redirects=True).text
    [rule] = rules(services, user)
    key = services.notification_rules.target(rule.id).signing_key
    assert key in added
    assert "https://hooks.example.org/…" in added
    again = client.get("/me/notifications").text
    assert key not in again
    assert "secret" not in again.replace("secret-", "")
    assert "A job failed, after its last attempt" in again


def test_a_bad_form_loses_nothing_and_says_what_to_do(client, services, user):
    form = {
        "name": "Slow",
        "topic": "runs_long",
        "channel": "webhook",
        "address": "http://10.0.0.1/",
        "longer_than": "x",
    }
    answer = client.post("/me/notifications/new", data=form)
    assert answer.status_code == 422
    for text in ('value="Slow"', 'value="x"', "Use https", "Enter a period from 10 seconds", "2 fields need attention"):
        assert text in answer.text
    assert rules(services, user) == ()


def test_an_edited_rule_keeps_its_address(client, services, user):
    client.post("/me/notifications/new", data=FORM)
    [rule] = rules(services, user)
    page = client.get(f"/me/notifications/{rule.id}").text
    assert "Leave it empty to keep https://hooks.example.org/…" in page
    assert "hooks.example.org/secret" not in page
    changed = {
        "name": "Slow ones",
        "topic": "runs_long",
        "longer_than": "2h",
        "quiet_from": "22:00",
        "quiet_until": "07:00",
    }
    assert client.post(f"/me/notifications/{rule.id}", data=changed).status_code == 303
    [new] = rules(services, user)
    assert (new.name, new.seconds, new.quiet_until, new.channel) == ("Slow ones", 7200, "07:00", "webhook")
    assert services.notification_rules.target(rule.id).address == "https://hooks.example.org/secret"
    assert 'value="2h"' in client.get(f"/me/notifications/{rule.id}").text
    assert "longer than 2\N{NO-BREAK SPACE}h, quiet from 22:00 to 07:00" in client.get("/me/notifications").text


def test_a_test_is_sent_and_its_failure_can_be_sent_again(client, services, user, run_jobs, page):
    client.post("/me/notifications/new", data={"name": "Mail", "topic": "failed", "channel": "mail"})
    [rule] = rules(services, user)
    assert "The test is being sent" in client.post(f"/me/notifications/{rule.id}/test", follow_redirects=True).text
    run_jobs("notifications")
    shown = client.get("/me/notifications").text
    assert "Retrying" in shown
    assert "The mail server 127.0.0.1 cannot be reached" in shown
    [delivery] = services.delivery_log.of_user(user.id)
    url = f"/me/notifications/deliveries/{delivery.id}/send-again"
    assert client.post(url).status_code == 409
    services.delivery_log.record_failure(delivery.id, "It did not arrive.", final=True)
    assert "1 message could not be delivered" in client.get("/notices").text
    services.jobs.cancel(delivery.job_id)
    assert client.post(url).status_code == 303
    assert services.delivery_log.get(delivery.id).status == "queued"


def test_a_rule_is_switched_off_and_deleted(client, services, user):
    client.post("/me/notifications/new", data=FORM)
    [rule] = rules(services, user)
    client.post(f"/me/notifications/{rule.id}/switch")
    assert not rules(services, user)[0].enabled
    assert "Switch on" in client.get("/me/notifications").text
    assert "Delete the rule Failures?" in client.get(f"/me/notifications/{rule.id}/delete").text
    client.post(f"/me/notifications/{rule.id}/delete")
    assert rules(services, user) == ()


def test_users_do_not_choose_what_they_cannot_see(client, admins):
    assert "no worker" not in client.get("/me/notifications/new").text
    assert "no worker" in admins.get("/me/notifications/new").text


def test_the_page_is_german_for_germans(client_of, person):
    answer = client_of(person("eva", language="de")).post(
        "/me/notifications/new", data={**FORM, "address": "https://10.0.0.1/"}
    )
    assert "10.0.0.1 ist keine öffentliche Adresse." in answer.text


def test_the_log_has_pages(client, services, user):
    client.post("/me/notifications/new", data=FORM)
    [rule] = rules(services, user)
    for _ in range(51):
        services.delivery_log.add_test(rule)
    first = client.get("/me/notifications").text
    assert first.count('id="delivery-') == 50
    older = services.delivery_log.of_user(user.id, limit=50)[-1].id
    second = client.get(f"/me/notifications?before={older}").text
    assert second.count('id="delivery-') == 1
    assert client.get("/me/notifications?before=bogus").status_code == 200
