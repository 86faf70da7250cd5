import pytest
from flask.testing import FlaskClient

from webapp.accounts.user import Role
from webapp.inbound.webhook import Webhook, WebhookDraft
from webapp.services import Services

OWN = {"own_password": "plain tests are calm tests"}
FORM = {"name": "orders", "type": "job_history_export", "account": "robot", "scheme": "github"}


@pytest.fixture(autouse=True)
def _robot(services: Services) -> None:
    services.accounts.add_service("robot", role=Role.USER)


@pytest.fixture
def orders(services: Services) -> Webhook:
    return services.webhooks.add(WebhookDraft(name="orders", type="job_history_export", account="robot"))[0]


def test_an_admin_creates_a_webhook_and_sees_its_secret_once(admins: FlaskClient, services: Services) -> None:
    assert "No webhooks yet" in admins.get("/admin/webhooks").text
    mapping = '{"format": {"value": "csv"}}'
    created = admins.post("/admin/webhooks", data={**OWN, **FORM, "mapping": mapping})
    assert created.status_code == 303
    (webhook,) = services.webhooks.all()
    (secret,) = services.webhooks.secrets(webhook.id)
    page = admins.get(created.location).text
    assert secret in page
    assert f"/api/v1/hooks/{webhook.id}" in page
    assert secret not in admins.get(created.location).text
    assert "orders" in admins.get("/admin/webhooks").text


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"own_password": ""}, "Enter your password."),
        ({"mapping": "{"}, "not JSON"),
        ({"mapping": '{"colour": "/x"}'}, "no such field"),
        ({"name": ""}, "needs a name"),
        ({"account": "nobody"}, "Choose an account"),
    ],
)
def test_a_bad_form_is_returned_with_its_sentences_and_loses_nothing(
    admins: FlaskClient, services: Services, wrong: dict[str, str], sentence: str
) -> None:
    answer = admins.post("/admin/webhooks", data={**OWN, **FORM, "id_path": "/event/id", **wrong})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert "/event/id" in answer.text
    assert services.webhooks.all() == ()


def test_the_secret_is_replaced_and_shown_once(admins: FlaskClient, services: Services, orders: Webhook) -> None:
    address = f"/admin/webhooks/{orders.id}/rotate"
    assert "Replace secret" in admins.get(address).text
    assert admins.post(address, data={**OWN, "overlap": "5"}).status_code == 422
    shown = admins.get(admins.post(address, data={**OWN, "overlap": "24"}).location).text
    new, old = services.webhooks.secrets(orders.id)
    assert new in shown
    assert old not in shown
    assert "Old secret works until" in shown


def test_a_secret_is_replaced_by_those_only_who_know_their_password(
    admins: FlaskClient, services: Services, orders: Webhook
) -> None:
    address, before = f"/admin/webhooks/{orders.id}/rotate", services.webhooks.secrets(orders.id)
    refused = admins.post(address, data={"overlap": "168", "own_password": "wrong"})
    assert (refused.status_code, "Incorrect password." in refused.text) == (422, True)
    assert '<option value="168" selected>' in refused.text
    for _ in range(20):
        limited = admins.post(address, data={"overlap": "1", "own_password": "wrong"})
    assert (limited.status_code, "Too many attempts." in limited.text) == (429, True)
    assert int(limited.headers["Retry-After"]) > 0
    assert services.webhooks.secrets(orders.id) == before


def test_a_webhook_is_disabled_enabled_and_deleted(admins: FlaskClient, services: Services, orders: Webhook) -> None:
    address = f"/admin/webhooks/{orders.id}"
    assert "now refuses messages" in admins.post(f"{address}/disable", follow_redirects=True).text
    assert services.webhooks.get(orders.id).disabled_at
    assert "accepts messages again" in admins.post(f"{address}/enable", follow_redirects=True).text
    assert "its log is deleted" in admins.get(f"{address}/delete").text
    assert "was deleted" in admins.post(f"{address}/delete", follow_redirects=True).text
    assert admins.get(address).status_code == 404


def test_messages_are_shown_to_admins_without_secrets_and_can_be_retried(
    admins: FlaskClient, services: Services, orders: Webhook
) -> None:
    body = b'{"format": "csv", "token": "s3cr3t"}'
    services.webhook_messages.add(orders.id, body, {}, size=len(body), status=403, detail="This webhook is disabled.")
    page = admins.get(f"/admin/webhooks/{orders.id}").text
    assert "This webhook is disabled." in page
    assert "&#34;format&#34;" in page
    assert "s3cr3t" not in page
    (received,) = services.webhook_messages.of(orders.id)
    answer = admins.post(f"/admin/webhooks/{orders.id}/messages/{received.id}/retry", follow_redirects=True)
    assert "refused again" in answer.text
    good = services.webhook_messages.add(orders.id, b'{"format": "csv"}', {}, size=17, status=403)
    answer = admins.post(f"/admin/webhooks/{orders.id}/messages/{good}/retry", follow_redirects=True)
    assert "has started its job" in answer.text
    assert services.webhook_messages.get(orders.id, good).job_id
