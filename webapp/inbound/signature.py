"""How a sender is authenticated: by a signature of the body, or by the secret itself in a header. Pure.

- ``standard``: Standard Webhooks. The signature covers id, time and body, so an old message can be refused.
- ``github``: ``X-Hub-Signature-256``, which covers the body alone.
- ``header``: the secret in a header, for senders that can do nothing else.
"""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

PREFIX = "whsec_"
DEFAULT_HEADER = "X-Webhook-Secret"
_SECRET_BYTES = 32
_MOST_SIGNATURES = 10  # of one message: a sender that rotates sends two
_MESSAGE_ID_LIMIT = 128


class Scheme(StrEnum):
    """How a webhook is authenticated."""

    STANDARD = "standard"
    GITHUB = "github"
    HEADER = "header"


class NotAuthentic(Exception):
    """Raised when a message is not signed as its webhook needs; the text never has a part of a signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticMessage:
    """What the sender says about a message: its ``id`` for logs, and the ``key`` that is equal for repetitions.

    An empty key means that repetitions cannot be recognized.
    """

    id: str
    key: str


def new_secret() -> str:
    """Return a random secret."""
    return PREFIX + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def authenticate(
    scheme: Scheme,
    known: Iterable[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    header: str,
    now: float,
    window: int,
) -> AuthenticMessage:
    """Check that a message is signed with one of the ``known`` secrets; raise `NotAuthentic`.

    The names of ``headers`` are in lower case; ``window`` is how many seconds a message can be old, or from the future.
    """
    if scheme is Scheme.STANDARD:
        return _standard(known, headers, body, now, window)
    if scheme is Scheme.GITHUB:
        return _github(known, headers, body)
    sent = headers.get(header.lower(), "")
    if not _any_equal(sent.encode(), (secret.encode() for secret in known)):
        raise NotAuthentic(f"The header {header} is missing or has another secret.")
    return AuthenticMessage(id="", key="")


def sign(scheme: Scheme, secret: str, body: bytes, *, header: str, message_id: str, now: float) -> dict[str, str]:
    """Return the headers of a message, as its sender makes them; for tests and for a first try."""
    if scheme is Scheme.STANDARD:
        moment = str(int(now))
        signature = b64encode(_standard_digest(secret, message_id, moment, body)).decode()
        return {"webhook-id": message_id, "webhook-timestamp": moment, "webhook-signature": f"v1,{signature}"}
    if scheme is Scheme.GITHUB:
        return {"X-GitHub-Delivery": message_id, "X-Hub-Signature-256": f"sha256={_github_digest(secret, body)}"}
    return {header: secret}


def _standard(
    known: Iterable[str], headers: Mapping[str, str], body: bytes, now: float, window: int
) -> AuthenticMessage:
    message_id, moment = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "")
    if not (message_id and moment and given):
        raise NotAuthentic("The headers webhook-id, webhook-timestamp and webhook-signature are needed.")
    if len(message_id) > _MESSAGE_ID_LIMIT or not message_id.isprintable():
        raise NotAuthentic(f"The header webhook-id must have at most {_MESSAGE_ID_LIMIT} printable characters.")
    signatures = [_decoded(each.removeprefix("v1,")) for each in given.split()[:_MOST_SIGNATURES]]
    expected = [_standard_digest(secret, message_id, moment, body) for secret in known]
    if not any(_any_equal(signature, expected) for signature in signatures):
        raise NotAuthentic("The header webhook-signature does not match the body.")
    if not (moment.isascii() and moment.isdigit()) or abs(now - int(moment[:15])) > window:
        raise NotAuthentic(f"The header webhook-timestamp is more than {window} s away from the time here.")
    return AuthenticMessage(id=message_id, key=message_id)


def _github(known: Iterable[str], headers: Mapping[str, str], body: bytes) -> AuthenticMessage:
    given = headers.get("x-hub-signature-256", "")
    if not _any_equal(given.encode(), (f"sha256={_github_digest(secret, body)}".encode() for secret in known)):
        raise NotAuthentic("The header X-Hub-Signature-256 is missing or does not match the body.")
    # the id is not signed, so a repeated message could have another id: compare the body
    received = headers.get("x-github-delivery", "")[:_MESSAGE_ID_LIMIT]
    return AuthenticMessage(id=received if received.isprintable() else "", key=hashlib.sha256(body).hexdigest())


def _standard_digest(secret: str, message_id: str, moment: str, body: bytes) -> bytes:
    signed = f"{message_id}.{moment}.".encode() + body
    return hmac.digest(_decoded(secret.removeprefix(PREFIX)), signed, "sha256")


def _github_digest(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, "sha256").hexdigest()


def _any_equal(given: bytes, expected: Iterable[bytes]) -> bool:
    return any([hmac.compare_digest(given, each) for each in expected])  # noqa: C419  (each takes the same time)


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (NotBase64, ValueError):
        return b""
