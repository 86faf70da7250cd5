from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from webapp.accounts.user import Role
from webapp.db.engine import reading, writing
from webapp.inbound.webhook import InvalidWebhook, WebhookDraft, WebhookNotFound
from webapp.inbound.webhooks import old_secret_works
from webapp.schema import later, webhooks
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def draft(services: Services) -> WebhookDraft:
    services.accounts.add_service("robot", role=Role.USER)
    return WebhookDraft(name="orders", type="job_history_export", account="robot")


def changed(draft: WebhookDraft, **values: Any) -> WebhookDraft:
    return WebhookDraft(**{name: getattr(draft, name) for name in WebhookDraft.__dataclass_fields__} | values)


def test_the_secret_is_stored_encrypted(services: Services, draft: WebhookDraft) -> None:
    webhook, secret = services.webhooks.add(draft)
    assert services.webhooks.secrets(webhook.id) == (secret,)
    with reading(services.engine) as connection:
        row = connection.execute(select(webhooks)).one()
    assert secret not in str(row)
    assert services.webhooks.find("orders") == services.webhooks.find(str(webhook.id)) == webhook


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "x" * 81),
        ("type", "maintenance"),
        ("type", "no such type"),
        ("account", "nobody"),
        ("scheme", "none"),
        ("mapping", {"colour": "/x"}),
        ("mapping", ["x"]),
        ("id_path", "x" * 500),
        ("window", 0),
        ("max_bytes", 10**9),
        ("per_minute", 0),
    ],
)
def test_a_webhook_that_could_not_work_is_refused_with_its_field(
    services: Services, draft: WebhookDraft, field: str, value: object
) -> None:
    with pytest.raises(InvalidWebhook) as error:
        services.webhooks.add(changed(draft, **{field: value}))
    assert error.value.errors.keys() == {field}
    assert services.webhooks.all() == ()


def test_two_webhooks_have_different_names(services: Services, draft: WebhookDraft) -> None:
    services.webhooks.add(draft)
    with pytest.raises(InvalidWebhook, match="already a webhook named orders"):
        services.webhooks.add(draft)


def test_after_a_rotation_the_old_secret_works_for_a_while(services: Services, draft: WebhookDraft) -> None:
    webhook, old = services.webhooks.add(draft)
    new = services.webhooks.rotate(webhook.id)
    assert services.webhooks.secrets(webhook.id) == (new, old)
    assert old_secret_works(services.webhooks.get(webhook.id), services.queries.jobs.now())
    with writing(services.engine) as connection:
        connection.execute(update(webhooks).values(old_secret_until=later(-1)))
    assert services.webhooks.secrets(webhook.id) == (new,)
    last = services.webhooks.rotate(webhook.id, overlap=timedelta(0))
    assert services.webhooks.secrets(webhook.id) == (last,)
    with pytest.raises(InvalidWebhook):
        services.webhooks.rotate(webhook.id, overlap=timedelta(days=8))


def test_a_removed_webhook_is_gone_with_its_log(services: Services, draft: WebhookDraft) -> None:
    webhook, _secret = services.webhooks.add(draft)
    services.webhook_messages.add(webhook.id, None, {}, size=1, status=401)
    services.webhooks.set_disabled(webhook.id, disabled=True)
    assert services.webhooks.get(webhook.id).disabled_at
    services.webhooks.remove(webhook.id)
    assert services.webhook_messages.of(webhook.id) == ()
    for act in (services.webhooks.get, services.webhooks.remove, services.webhooks.rotate):
        with pytest.raises(WebhookNotFound):
            act(webhook.id)
