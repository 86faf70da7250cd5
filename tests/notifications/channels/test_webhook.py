import socket

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from webapp.notifications.channels import public_address
from webapp.notifications.channels.public_address import parse_networks
from webapp.notifications.channels.webhook import new_signing_key

LOCAL = parse_networks("127.0.0.1")


@pytest.fixture
def webhook(office, user, receiver):
    """Add a rule with a webhook, and return its signing key."""
    return office.rule_and_key(user, "finished", "failed", channel="webhook", address=receiver.url)[1]


def test_a_receiver_verifies_the_signature_with_a_library_of_its_own(office, user, receiver, webhook):
    job = office.write(user, fails="no paper")
    office.send()
    [(headers, body)] = receiver.requests
    document = Webhook(webhook).verify(body, headers)
    assert document["type"] == "job.failed"
    assert document["data"]["job_id"] == str(job.id)
    assert document["data"]["url"] == f"https://jobs.example.org/office/jobs/{job.id}"
    assert document["data"]["detail"] == "RuntimeError: no paper"
    assert headers["webhook-id"] == str(office.log()[0].id)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_signing_key()).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(webhook).verify(body.replace("failed", "finished"), headers)


def test_a_repeated_message_has_the_same_id_and_a_new_time(office, user, receiver, webhook):
    receiver.status = 503
    office.write(user)
    office.send()
    receiver.status = 200
    office.make_due()
    office.run_jobs("notifications")
    (first, _), (second, body) = receiver.requests
    assert first["webhook-id"] == second["webhook-id"]
    Webhook(webhook).verify(body, second)
    [delivery] = office.log()
    assert (delivery.status, delivery.attempts, delivery.error) == ("delivered", 2, "200 OK")


def test_a_redirect_is_not_followed(office, user, receiver, webhook):
    receiver.status, receiver.headers = 302, {"Location": receiver.url}
    office.write(user)
    office.send()
    [delivery] = office.log()
    assert delivery.status == "failed"
    assert "Redirects are not followed." in delivery.error
    assert len(receiver.requests) == 1


def test_a_name_that_is_rebound_to_a_private_address_is_refused_with_its_reason(
    office, user, receiver, services, monkeypatch
):
    services.messenger._settings = services.settings.model_copy(update={"notify_networks": ""})
    office.rule(user, "finished", channel="webhook", address="https://hooks.example.org/x")
    office.write(user)
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))]
    monkeypatch.setattr(public_address.socket, "getaddrinfo", lambda *_, **__: found)
    office.send()
    [delivery] = office.log()
    assert delivery.status == "failed"
    assert delivery.error == (
        "hooks.example.org (127.0.0.1) is not a public address. "
        "An admin can allow its network with DESKJOB_NOTIFY_NETWORKS."
    )
    assert receiver.requests == []


def test_the_log_and_the_row_have_no_secret(office, user, receiver, webhook, services):
    office.write(user)
    office.send()
    [rule] = services.notification_rules.of_user(user.id)
    [delivery] = office.log()
    shown = f"{rule} {delivery} {services.jobs.get(delivery.job_id).to_dict()}"
    assert "secret-path" not in shown
    assert webhook not in shown
    assert rule.shown_address.endswith("/…")
