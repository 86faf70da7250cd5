import json
from time import time
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from webapp.accounts.user import Role
from webapp.inbound.signature import Scheme, sign
from webapp.inbound.webhook import MOST_BYTES, Webhook, WebhookDraft
from webapp.services import Services

GOOD = {"format": "csv"}


@pytest.fixture
def orders(services: Services) -> tuple[Webhook, str]:
    services.accounts.add_service("robot", role=Role.USER)
    draft = WebhookDraft(name="orders", type="job_history_export", account="robot", per_minute=3)
    return services.webhooks.add(draft)


def send(app: Flask, orders: tuple[Webhook, str], body: Any = GOOD, number: int = 1, **headers: str) -> TestResponse:
    webhook, secret = orders
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    signed = sign(Scheme.STANDARD, secret, raw, header="", message_id=f"msg_{number}", now=time())
    address = f"/api/v1/hooks/{webhook.id}"
    return app.test_client().post(address, data=raw, content_type="application/json", headers={**signed, **headers})


def test_a_signed_message_starts_a_job_without_cookie_token_or_csrf(app: Flask, orders: tuple[Webhook, str]) -> None:
    answer = send(app, orders, **{"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"})
    assert (answer.status_code, answer.json["repeated"]) == (202, False)
    assert send(app, orders).json == {"job": answer.json["job"], "repeated": True}


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (GOOD, {"webhook-signature": "v1,AAAA"}, 401),
        (GOOD, {"webhook-timestamp": "1"}, 401),
        (b"{", {}, 400),
        (b"[" * 5000, {}, 400),
        (b"x" * (300 * 1024), {}, 413),
        (b"x" * (MOST_BYTES + 1), {}, 413),
        ({"format": "pdf"}, {}, 422),
    ],
)
def test_a_bad_message_gets_a_problem_document_and_a_line_in_the_log(
    app: Flask, services: Services, orders: tuple[Webhook, str], body: Any, headers: dict[str, str], status: int
) -> None:
    answer = send(app, orders, body, **headers)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert orders[1] not in answer.text
    (received,) = services.webhook_messages.of(orders[0].id)
    assert (received.status, received.request_id) == (status, answer.headers["X-Request-ID"])


def test_an_unknown_address_does_not_exist(app: Flask, orders: tuple[Webhook, str]) -> None:
    answer = app.test_client().post("/api/v1/hooks/00000000-0000-0000-0000-000000000000", json=GOOD)
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert app.test_client().get(f"/api/v1/hooks/{orders[0].id}").status_code in {401, 405}


def test_too_many_messages_are_refused_with_a_time_to_wait(app: Flask, orders: tuple[Webhook, str]) -> None:
    statuses = [send(app, orders, number=number) for number in range(8)]
    refused = [answer for answer in statuses if answer.status_code == 429]
    assert refused
    assert int(refused[0].headers["Retry-After"]) >= 1
    assert statuses[0].status_code == 202


def test_the_fields_of_a_message_that_does_not_fit_are_named_without_their_values(
    app: Flask, orders: tuple[Webhook, str]
) -> None:
    answer = send(app, orders, {"format": "s3cr3t"})
    assert [error["pointer"] for error in answer.json["errors"]] == ["#/format"]
    assert "s3cr3t" not in answer.text
