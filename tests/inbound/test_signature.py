import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook as StandardWebhook
from werkzeug.datastructures import Headers

from webapp.inbound.signature import NotAuthentic, Scheme, authenticate, new_secret, sign

SECRET, OTHER = new_secret(), new_secret()
BODY = b'{"id": 7}'
NOW = 1_800_000_000.0


def check(scheme: Scheme, headers: Any, body: bytes = BODY, *, known: Any = (SECRET,), now: float = NOW) -> Any:
    return authenticate(scheme, known, Headers(headers), body, header="X-Key", now=now, window=300)


@pytest.mark.parametrize("scheme", Scheme)
def test_a_signed_message_is_authentic_with_the_new_and_with_the_old_secret(scheme: Scheme) -> None:
    headers = sign(scheme, SECRET, BODY, header="X-Key", message_id="msg_1", now=NOW)
    for known in ((SECRET,), (OTHER, SECRET)):
        check(scheme, headers, known=known)
    with pytest.raises(NotAuthentic):
        check(scheme, headers, known=(OTHER,))
    if scheme is not Scheme.HEADER:
        with pytest.raises(NotAuthentic):
            check(scheme, headers, BODY + b" ")


def test_messages_of_the_library_of_standard_webhooks_are_authentic() -> None:
    moment = datetime.fromtimestamp(NOW, UTC)
    signature = StandardWebhook(SECRET).sign("msg_2", moment, BODY.decode())
    headers = {"webhook-id": "msg_2", "webhook-timestamp": str(int(NOW)), "webhook-signature": f"v1,AAAA {signature}"}
    assert check(Scheme.STANDARD, headers).key == "msg_2"


def test_messages_as_github_signs_them_are_authentic_and_known_by_their_body() -> None:
    digest = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
    first = check(Scheme.GITHUB, {"X-Hub-Signature-256": f"sha256={digest}", "X-GitHub-Delivery": "a"})
    again = check(Scheme.GITHUB, {"X-Hub-Signature-256": f"sha256={digest}", "X-GitHub-Delivery": "b"})
    assert first.key == again.key, "the id is not signed"


@pytest.mark.parametrize("seconds", [-301, 301, 10**7])
def test_an_old_message_and_one_from_the_future_are_refused(seconds: int) -> None:
    headers = sign(Scheme.STANDARD, SECRET, BODY, header="", message_id="msg", now=NOW)
    check(Scheme.STANDARD, headers, now=NOW + 299)
    with pytest.raises(NotAuthentic, match="timestamp"):
        check(Scheme.STANDARD, headers, now=NOW + seconds)


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-id": "other"},
        {"webhook-timestamp": "1800000001"},
        {"webhook-timestamp": "soon"},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,ä" * 3},
        {"webhook-signature": ""},
        {"webhook-id": "x" * 200},
    ],
)
def test_a_changed_message_is_refused_and_no_signature_is_repeated(changed: dict[str, str]) -> None:
    headers = sign(Scheme.STANDARD, SECRET, BODY, header="", message_id="msg", now=NOW) | changed
    with pytest.raises(NotAuthentic) as error:
        check(Scheme.STANDARD, headers)
    assert SECRET not in str(error.value)
    assert "v1," not in str(error.value)


def test_secrets_are_long_and_different() -> None:
    assert len({new_secret() for _ in range(50)}) == 50
    assert len(SECRET) == len("whsec_") + 44
