from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from webapp.accounts.user import Role
from webapp.db.engine import writing
from webapp.inbound import message_log
from webapp.inbound.message_log import WebhookMessageNotFound, redacted
from webapp.inbound.webhook import WebhookDraft
from webapp.schema import later
from webapp.schema import webhook_messages as rows
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def webhook_id(services: Services) -> UUID:
    services.accounts.add_service("robot", role=Role.USER)
    return services.webhooks.add(WebhookDraft(name="orders", type="job_history_export", account="robot"))[0].id


def add(services: Services, webhook_id: UUID, body: bytes | None = b"{}", **values: Any) -> int:
    return services.webhook_messages.add(webhook_id, body, {}, **{"size": 2, "status": 422, **values})


def test_messages_are_read_page_by_page(services: Services, webhook_id: UUID) -> None:
    first, second, third = (
        services.webhook_messages.add(webhook_id, b"{}", {}, size=2, status=422, detail=str(number))
        for number in range(3)
    )
    assert [each.id for each in services.webhook_messages.of(webhook_id, 2)] == [third, second]
    assert [each.id for each in services.webhook_messages.of(webhook_id, 2, before=second)] == [first]


def test_the_newest_messages_are_kept(services: Services, webhook_id: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_log, "KEPT", 3)
    numbers = [add(services, webhook_id) for _ in range(5)]
    assert [each.id for each in services.webhook_messages.of(webhook_id)] == numbers[:1:-1]
    with writing(services.engine) as connection:
        connection.execute(update(rows).values(at=later(-40 * 86_400)))
    add(services, webhook_id)
    assert len(services.webhook_messages.of(webhook_id)) == 1


def test_messages_without_the_secret_drive_out_no_authentic_ones(
    services: Services, webhook_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_log, "KEPT", 2)
    authentic = [add(services, webhook_id) for _ in range(2)]
    strangers = [add(services, webhook_id, None, status=401) for _ in range(4)]
    assert [each.id for each in services.webhook_messages.of(webhook_id)] == [*strangers[:1:-1], *authentic[::-1]]


def test_bodies_are_shown_without_values_named_as_secrets(services: Services, webhook_id: UUID) -> None:
    number = add(services, webhook_id, b'{"customer": 7, "api_key": "s3cr3t", "list": [{"Password": "s3cr3t"}]}')
    received = services.webhook_messages.get(webhook_id, number)
    shown = services.webhook_messages.shown_body(received)
    assert '"customer": 7' in shown
    assert "s3cr3t" not in shown
    assert redacted([{"x_token": 1}]) == [{"x_token": "***"}]
    assert (
        services.webhook_messages.shown_body(services.webhook_messages.get(webhook_id, add(services, webhook_id, None)))
        == ""
    )
    broken = services.webhook_messages.get(webhook_id, add(services, webhook_id, b"\xff{", size=2))
    assert services.webhook_messages.shown_body(broken) == "2 bytes that are not JSON."


def test_only_a_message_without_a_job_whose_body_is_kept_can_be_retried(services: Services, webhook_id: UUID) -> None:
    started = add(services, webhook_id, job_id=webhook_id, status=202)
    refused, stranger = add(services, webhook_id), add(services, webhook_id, None, status=401)
    can_retry = {each.id: each.can_retry for each in services.webhook_messages.of(webhook_id)}
    assert can_retry == {started: False, refused: True, stranger: False}
    ((count, failed, _at),) = services.webhook_messages.counts().values()
    assert (count, failed) == (3, 2)
    with pytest.raises(WebhookMessageNotFound):
        services.webhook_messages.get(webhook_id, 99)
