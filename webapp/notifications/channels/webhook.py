"""Signed webhooks by the rules of Standard Webhooks: one POST, to a public address, without following redirects."""

import base64
import hmac
import json
import secrets
import ssl
from collections.abc import Collection, Mapping
from datetime import datetime
from hashlib import sha256
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, urlsplit

from webapp.notifications.channels.delivery_errors import NotDelivered, Undeliverable
from webapp.notifications.channels.public_address import Network, PrivateAddress, connect

KEY_PREFIX = "whsec_"
_KEY_BYTES = 32
_TIMEOUT = 15.0  # seconds, for each step of the connection
_MOST_READ = 2000  # bytes of an answer, of which the log keeps the beginning
_GONE = 410


def new_signing_key() -> str:
    """Return a new key in the form in which libraries for Standard Webhooks take it."""
    return KEY_PREFIX + base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def signature(key: str, message_id: str, at: datetime, body: str) -> str:
    """Return the signature of a message."""
    secret = base64.b64decode(key.removeprefix(KEY_PREFIX))
    signed = f"{message_id}.{int(at.timestamp())}.{body}".encode()
    return "v1," + base64.b64encode(hmac.new(secret, signed, sha256).digest()).decode()


def post(  # one message, with everything that its headers need
    address: str,
    key: str,
    message_id: str,
    at: datetime,
    document: Mapping[str, Any],
    *,
    networks: Collection[Network] = (),
) -> str:
    """Send a document and return the answer, such as "200 OK". Raises `NotDelivered` or `Undeliverable`."""
    parts = urlsplit(address)
    body = json.dumps(document, separators=(",", ":"))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Deskjob",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature(key, message_id, at, body),
    }
    connection = _connection(parts, networks)
    try:
        connection.request("POST", parts._replace(scheme="", netloc="", fragment="").geturl() or "/", body, headers)
        response = connection.getresponse()
        return _judged(response.status, response.reason, response.read(_MOST_READ))
    except PrivateAddress as error:
        raise Undeliverable(str(error)) from None
    except ssl.SSLCertVerificationError as error:
        raise NotDelivered(f"The certificate of {parts.hostname} is not valid: {error.verify_message}.") from None
    except (OSError, HTTPException) as error:
        raise NotDelivered(f"{parts.hostname} cannot be reached: {_reason(error)}.") from None
    finally:
        connection.close()


def _judged(status: int, reason: str, body: bytes) -> str:
    answer = f"{status} {reason}".strip()
    if 200 <= status < 300:  # noqa: PLR2004
        return answer
    text = " ".join(body.decode(errors="replace").split())[:200]
    said = f"The receiver answered {answer}{f': {text}' if text else ''}."
    if 300 <= status < 400:  # noqa: PLR2004
        raise Undeliverable(f"{said} Redirects are not followed.")
    raise (Undeliverable if status == _GONE else NotDelivered)(said)


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__).rstrip(".")


def _connection(parts: SplitResult, networks: Collection[Network]) -> HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "https":
        return _PublicHTTPS(host, parts.port, networks)
    return _PublicHTTP(host, parts.port, networks)


class _PublicHTTP(HTTPConnection):
    """An HTTP connection to an allowed address."""

    def __init__(self, host: str, port: int | None, networks: Collection[Network]) -> None:
        super().__init__(host, port, timeout=_TIMEOUT)
        self._networks = networks

    def connect(self) -> None:
        """Connect to an address that was checked."""
        self.sock = connect(self.host, self.port, _TIMEOUT, self._networks)


class _PublicHTTPS(HTTPSConnection):
    """An HTTPS connection to an allowed address, with a certificate for the host's name."""

    def __init__(self, host: str, port: int | None, networks: Collection[Network]) -> None:
        self._tls = ssl.create_default_context()
        super().__init__(host, port, timeout=_TIMEOUT, context=self._tls)
        self._networks = networks

    def connect(self) -> None:
        """Connect to an address that was checked."""
        plain = connect(self.host, self.port, _TIMEOUT, self._networks)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
