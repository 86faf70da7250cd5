import json
from collections.abc import Callable
from time import time
from typing import Any

import pytest
from sqlalchemy import select, update
from werkzeug.datastructures import Headers

from webapp.accounts.user import Role
from webapp.db.engine import reading, writing
from webapp.inbound.reception import WebhookAnswer, WebhookRequest
from webapp.inbound.signature import Scheme, sign
from webapp.inbound.webhook import Webhook, WebhookDraft
from webapp.schema import audit, users
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
GOOD: Any = {"format": "csv"}


def unlimited(_key: str, _limit: int) -> int:
    return 0


class Sender:
    """Another system, which signs its messages."""

    def __init__(self, services: Services, webhook: Webhook, secret: str) -> None:
        self.services, self.webhook, self.secret = services, webhook, secret

    def send(
        self, message: Any = GOOD, *, message_id: str = "msg_1", throttle: Any = unlimited, **changed: str
    ) -> WebhookAnswer:
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        hook = self.webhook
        signed = sign(hook.scheme, self.secret, body, header=hook.header, message_id=message_id, now=time())
        headers = Headers(signed | {name.replace("_", "-"): value for name, value in changed.items()})
        incoming = WebhookRequest(headers=headers, body=body, size=len(body), address="192.0.2.7")
        return self.services.reception.receive(hook.id, incoming, throttle)

    @property
    def log(self) -> list[tuple[int, str]]:
        return [(each.status, each.detail) for each in self.services.webhook_messages.of(self.webhook.id)]


@pytest.fixture
def sender(services: Services) -> Callable[..., Sender]:
    services.accounts.add_service("robot", role=Role.USER)

    def make(**values: Any) -> Sender:
        draft = WebhookDraft(**{"name": "orders", "type": "job_history_export", "account": "robot", **values})
        return Sender(services, *services.webhooks.add(draft))

    return make


@pytest.mark.parametrize("id_path", ["", "/number"])
def test_a_message_without_a_key_that_is_retried_twice_at_once_starts_one_job(
    sender: Callable[..., Sender], services: Services, id_path: str
) -> None:
    orders = sender(scheme="header", id_path=id_path, mapping={"format": "/format"})
    services.webhooks.set_disabled(orders.webhook.id, disabled=True)
    assert orders.send({**GOOD, "number": 7}).status == 403
    services.webhooks.set_disabled(orders.webhook.id, disabled=False)
    [received] = services.webhook_messages.of(orders.webhook.id)  # both of the retries have read it
    first, second = services.reception.try_again(received), services.reception.try_again(received)
    assert (first.job_id, first.repeated, second.repeated) == (second.job_id, False, True)
    if id_path:
        assert orders.send({**GOOD, "number": 7}).job_id == first.job_id


@pytest.mark.parametrize("scheme", Scheme)
def test_a_message_starts_a_job_of_the_account(
    sender: Callable[..., Sender], services: Services, scheme: Scheme
) -> None:
    orders = sender(scheme=scheme, mapping={"format": "/wanted/format"})
    answer = orders.send({"wanted": {"format": "xlsx"}})
    assert (answer.status, answer.repeated) == (202, False)
    job = services.jobs.get(answer.job_id)
    robot = services.accounts.by_name("robot")
    assert (job.owner.user_id, job.payload["format"]) == (robot.id, "xlsx")
    (created,) = services.queries.jobs.timeline(job.id)
    assert created.detail == "orders"
    with reading(services.engine) as connection:
        line = connection.execute(select(audit).order_by(audit.c.id.desc()).limit(1)).one()
    assert (line.action, line.actor, line.token, line.address) == ("job_create", "robot", "orders", "192.0.2.7")
    assert orders.log == [(202, "")]


def test_a_repeated_message_starts_no_second_job(sender: Callable[..., Sender]) -> None:
    orders = sender()
    first, again, other = orders.send(), orders.send(), orders.send(message_id="msg_2")
    assert (again.job_id, again.repeated) == (first.job_id, True)
    assert other.job_id != first.job_id


def test_the_id_is_read_from_the_path_of_the_webhook(sender: Callable[..., Sender]) -> None:
    orders = sender(scheme="header", id_path="/event", mapping={"format": {"value": "csv"}})
    first, again = orders.send({"event": "e1"}), orders.send({"event": "e1"})
    assert (again.job_id, again.repeated) == (first.job_id, True)
    assert orders.send({"other": 1}).status == 422


@pytest.mark.parametrize(
    ("message", "status", "detail"),
    [
        ({"format": "pdf"}, 422, "format"),
        ({"colour": "red"}, 422, "colour"),
        ([1], 422, "not a JSON object"),
        (b"", 400, "not JSON"),
        (b"{", 400, "not JSON"),
        (b'{"format": "csv", "format": "xlsx"}', 400, "two members"),
        (b"\xff\xfe", 400, "UTF-8"),
        (b"[" * 100 + b"]" * 100, 400, "nested"),
        (b"[" * 200_000, 400, "nested"),
        (b'{"format": NaN}', 400, "NaN"),
        (b'{"format": "\\u0000"}', 400, "NUL"),
        (b"payload=%7B%7D", 400, "not JSON"),
    ],
)
def test_a_message_that_cannot_be_used_is_answered_and_logged(
    sender: Callable[..., Sender], message: Any, status: int, detail: str
) -> None:
    orders = sender()
    answer = orders.send(message)
    assert (answer.status, answer.job_id) == (status, None)
    ((logged, text),) = orders.log
    assert logged == status
    assert detail in text
    assert orders.secret not in text


def test_nothing_of_an_unsigned_message_is_kept(sender: Callable[..., Sender], services: Services) -> None:
    orders = sender()
    answer = orders.send(webhook_signature="v1,AAAA")
    assert answer.status == 401
    (received,) = services.webhook_messages.of(orders.webhook.id)
    assert (received.status, received.can_retry, received.message_id) == (401, False, "")
    silent = orders.send(webhook_signature="v1,AAAA", throttle=lambda _key, _limit: 5)
    assert silent.status == 401
    assert len(services.webhook_messages.of(orders.webhook.id)) == 1, "strangers cannot fill the log"


def test_a_message_that_is_too_large_is_refused_before_it_is_parsed(sender: Callable[..., Sender]) -> None:
    orders = sender(max_bytes=10)
    assert orders.send({"format": "csv"}).status == 413
    assert orders.log[0][0] == 413


def test_too_many_messages_are_refused_with_a_time_to_wait(sender: Callable[..., Sender]) -> None:
    orders = sender()
    answer = orders.send(throttle=lambda key, _limit: 7 if "refusals" not in key else 0)
    assert (answer.status, answer.retry_after) == (429, 7)


def test_what_has_changed_since_is_checked_for_each_message(sender: Callable[..., Sender], services: Services) -> None:
    orders = sender()
    services.webhooks.set_disabled(orders.webhook.id, disabled=True)
    assert orders.send().status == 403
    services.webhooks.set_disabled(orders.webhook.id, disabled=False)
    services.disabled_types.disable("job_history_export", reason="because")
    assert orders.send(message_id="msg_2").status == 409
    services.disabled_types.enable("job_history_export")
    with writing(services.engine) as connection:
        connection.execute(update(users).where(users.c.name == "robot").values(active=False))
    assert orders.send(message_id="msg_3").status == 403


def test_a_refused_message_can_be_retried_with_its_headers(sender: Callable[..., Sender], services: Services) -> None:
    orders = sender(mapping={"format": {"header": "X-Format"}})
    services.webhooks.set_disabled(orders.webhook.id, disabled=True)
    orders.send({}, X_Format="xlsx")
    (received,) = services.webhook_messages.of(orders.webhook.id)
    assert services.reception.try_again(received).status == 403
    services.webhooks.set_disabled(orders.webhook.id, disabled=False)
    answer = services.reception.try_again(received)
    assert services.jobs.get(answer.job_id).payload["format"] == "xlsx"
    (changed,) = services.webhook_messages.of(orders.webhook.id)
    assert (changed.status, changed.job_id, changed.can_retry) == (202, answer.job_id, False)
    assert services.reception.try_again(changed).status == 409
    assert orders.send({}, X_Format="xlsx").repeated, "the sender tries it again too"


def test_a_rotated_secret_works_at_once_and_the_old_one_for_a_while(
    sender: Callable[..., Sender], services: Services
) -> None:
    orders = sender()
    new = services.webhooks.rotate(orders.webhook.id)
    assert orders.send().status == 202
    orders.secret = new
    assert orders.send(message_id="msg_2").status == 202
