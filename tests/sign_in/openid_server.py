"""A small OpenID provider over HTTP whose answers a test can spoil; its keys and signatures are real.

What a provider checks (redirects, PKCE, codes) is tested with one that others wrote: test_sign_on_provider.py.
"""

import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey, KeySet, RSAKey
from joserfc.util import urlsafe_b64encode

from webapp.sign_in.openid_provider import OpenIdProvider
from webapp.sign_in.sign_on_attempt import SignOnAttempt

CLIENT = "deskjob"
REDIRECT = "https://jobs.example.org/login/callback"
_KEYS = [RSAKey.generate_key(2048, {"kid": f"key-{number}"}) for number in range(2)]


class OpenIdServer:
    """Signs the claims of one user for every code; a test changes the attributes."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self.claims: dict[str, Any] = {"sub": "user-1", "preferred_username": "ana", "name": "Ana Ruiz"}
        self.user_info: dict[str, Any] | None = None
        self.sign: Callable[[dict[str, Any]], str] = self.signed
        self.key = _KEYS[0]
        self.published = [self.key]
        self.metadata: dict[str, Any] = {}
        self.answers: dict[str, tuple[int, bytes]] = {}  # by path, instead of the right one
        self.posted: dict[str, list[str]] = {}
        self.nonce = ""

    def signed(self, claims: dict[str, Any], key: Any = None, **header: Any) -> str:
        key = key or self.key
        protected = {"alg": "RS256", "kid": key.kid, **header}
        return jws.serialize_compact(protected, json.dumps(claims), key, algorithms=["RS256", "ES256"])

    def forged(self, claims: dict[str, Any], algorithm: str, secret: bytes = b"") -> str:
        """Return a token that needs no private key: unsigned, or signed with a text that others know too."""
        header = {"alg": algorithm, "kid": self.key.kid}
        text = b".".join(urlsafe_b64encode(json.dumps(part).encode()) for part in (header, claims))
        signature = hmac.digest(secret, text, "sha256") if algorithm == "HS256" else b""
        return (text + b"." + urlsafe_b64encode(signature)).decode()

    def replace_key(self, kid: str | None = None) -> None:
        """Sign with another key from now on, and publish only that one."""
        self.key = _KEYS[1] if kid is None else RSAKey.import_key(_KEYS[1].as_dict(private=True) | {"kid": kid})
        self.published = [self.key]

    def id_token(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        usual = {"iss": self.issuer, "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": self.nonce}
        return {**usual, **self.claims, **changes}

    def answer(self, path: str) -> tuple[int, bytes]:
        if path in self.answers:
            return self.answers[path]
        pages: dict[str, Callable[[], Any]] = {
            "/.well-known/openid-configuration": self._discovery,
            "/jwks": lambda: KeySet(self.published).as_dict(),
            "/token": lambda: {"access_token": "a", "token_type": "Bearer", "id_token": self.sign(self.id_token())},
            "/userinfo": lambda: self.user_info,
        }
        return (200, json.dumps(pages[path]()).encode()) if path in pages else (404, b"{}")

    def _discovery(self) -> dict[str, Any]:
        at = self.issuer
        return {
            "issuer": at,
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/token",
            "jwks_uri": f"{at}/jwks",
            "end_session_endpoint": f"{at}/logout",
            "id_token_signing_alg_values_supported": ["RS256", "none", "HS256"],
            **({"userinfo_endpoint": f"{at}/userinfo"} if self.user_info is not None else {}),
            **self.metadata,
        }

    def provider(self, **changes: Any) -> OpenIdProvider:
        """Return Deskjob's side of this provider."""
        usual = {"issuer": self.issuer, "client_id": CLIENT, "client_secret": "s" * 20, "redirect_uri": REDIRECT}
        return OpenIdProvider(**{**usual, "scopes": "openid profile", **changes})

    def begun(self, provider: OpenIdProvider, **options: Any) -> SignOnAttempt:
        """Begin a sign-in; the server signs its nonce from now on."""
        address, attempt = provider.begin(**options)
        self.nonce = parse_qs(urlsplit(address).query)["nonce"][0]
        return attempt


EC_KEY = ECKey.generate_key("P-256", {"kid": "ec"})


@contextmanager
def serving() -> Iterator[OpenIdServer]:
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    http.provider = server = OpenIdServer(http.server_port)  # type: ignore[attr-defined]
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = self.server.provider.answer(urlsplit(self.path).path)  # type: ignore[attr-defined]
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.provider.posted = parse_qs(text)  # type: ignore[attr-defined]
        self.do_GET()

    def log_message(self, *_args: object) -> None:
        """Be silent."""
