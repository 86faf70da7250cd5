"""An OpenID Connect provider: the code flow with PKCE, state and nonce, and logout. Authlib speaks the protocol.

Importing this takes a second of CPU, so only a web server that is configured for it does.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from authlib.integrations.base_client import BaseApp, OAuth2Mixin, OAuthError, OpenIDMixin
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc.errors import BadSignatureError, ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError
from requests import RequestException

from webapp.sign_in.sign_on_attempt import ProviderAway, SignOnAttempt
from webapp.sign_in.sign_on_rules import SignOnRefused

TIMEOUT = 5  # seconds for each request to the provider; a thread of the web server waits meanwhile
METADATA_LASTS = 3600  # seconds; a key that the provider withdrew is accepted no longer than that
LEEWAY = 60  # seconds that the clocks of both servers can differ
FRESH = 300  # seconds since the user last proved at the provider who they are, to confirm a change
# no symmetric algorithm and not "none": only the provider can sign
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
_log = logging.getLogger(__name__)


class OpenIdProvider:
    """The provider at ``issuer``, for the client that it knows as ``client_id``."""

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        client_secret: str | None,
        redirect_uri: str,
        scopes: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open no connection: the provider is asked when somebody signs in. ``clock`` returns Unix time."""
        self._clock = clock
        self.issuer = issuer
        self.redirect_uri = redirect_uri
        self._new_client = partial(
            _Client,
            None,
            client_id=client_id,
            client_secret=client_secret,
            server_metadata_url=f"{issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={"scope": scopes, "code_challenge_method": "S256", "default_timeout": TIMEOUT},
            user_agent="Deskjob",
        )
        self._client = self._new_client()

    def begin(self, *, then: str = "", confirms: bool = False) -> tuple[str, SignOnAttempt]:
        """Return the address to which the browser goes, and what it keeps. Raises `ProviderAway`.

        With ``confirms`` the provider asks the user to prove who they are, even if it knows them already.
        """
        asked = {"prompt": "login", "max_age": 0} if confirms else {}
        with self._answering():
            started = self._client.create_authorization_url(self.redirect_uri, **asked)
        address = started.pop("url")
        return address, SignOnAttempt(**started, started_at=self._clock(), then=then, confirms=confirms)

    def finish(self, attempt: SignOnAttempt, code: str, needed: tuple[str, ...] = ()) -> tuple[Mapping[str, Any], str]:
        """Exchange the code for the claims and the ID token, checked; ``needed`` claims are also looked for elsewhere.

        Raises `SignOnRefused` if anything about the answer is wrong, and `ProviderAway`.
        """
        with self._answering():
            token = self._client.fetch_access_token(
                self.redirect_uri, code=code, state=attempt.state, code_verifier=attempt.code_verifier
            )
            if "id_token" not in token:
                raise SignOnRefused(_UNVERIFIED)
            claims = dict(self._verified(token, attempt.nonce))
            if attempt.confirms and not self._is_fresh(claims):
                raise SignOnRefused("The sign-in service did not ask you to prove who you are.")
            if any(name.partition(".")[0] not in claims for name in needed):
                claims = {**self._user_info(token, claims["sub"]), **claims}
        return claims, str(token["id_token"])

    def logout_url(self, id_token: str, back_to: str) -> str:
        """Return the address at which the user signs out at the provider; empty if it has none or is away."""
        try:
            with self._answering():
                if not self._client.load_server_metadata().get("end_session_endpoint"):
                    return ""
                leaving = self._client.create_logout_url(
                    post_logout_redirect_uri=back_to, id_token_hint=id_token or None, client_id=self._client.client_id
                )
                return str(leaving["url"])
        except ProviderAway:
            return ""

    def problem(self) -> str:
        """Return why nobody could sign in now, without a full stop; an empty text if the provider answers well."""
        try:
            self._check_metadata()
            self._client.fetch_jwk_set(force=True)
        except RequestException as error:
            return f"it cannot be reached ({type(error).__name__})"
        except (JoseError, KeyError, TypeError, ValueError, RuntimeError) as error:
            return f"it answered nonsense: {error}"
        return ""

    def _verified(self, token: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        expected = {
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self._client.client_id},
        }
        verify: Callable[[], Mapping[str, Any]] = partial(
            self._client.parse_id_token,
            token,
            nonce,
            claims_options=expected,
            claims_cls=partial(_Claims, self._clock),
            leeway=LEEWAY,
        )
        try:
            return verify()
        except BadSignatureError:  # the key was replaced under the same name
            self._client.fetch_jwk_set(force=True)
            return verify()

    def _user_info(self, token: Mapping[str, Any], subject: str) -> Mapping[str, Any]:
        if not self._client.load_server_metadata().get("userinfo_endpoint"):
            return {}
        found: Mapping[str, Any] = self._client.userinfo(token=token)
        if found.get("sub") != subject:
            raise SignOnRefused(_UNVERIFIED)
        return found

    def _is_fresh(self, claims: Mapping[str, Any]) -> bool:
        at = claims.get("auth_time")
        return isinstance(at, int | float) and self._clock() - at <= FRESH

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Turn everything that a provider can do wrong into one of two errors, and log what it was."""
        try:
            self._check_metadata()
            yield
        except RequestException as error:
            _log.warning("The OpenID provider %s cannot be used: %s", self.issuer, error)
            raise ProviderAway from None
        except OAuthError as error:
            _log.warning("The OpenID provider %s refused a sign-in: %s", self.issuer, error)
            raise SignOnRefused(_REFUSED) from None
        except JoseError as error:
            _log.warning("The OpenID provider %s sent an ID token that was refused: %s", self.issuer, error)
            raise SignOnRefused(_sentence(error)) from None
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            _log.warning("The OpenID provider %s answered nonsense: %r", self.issuer, error)
            raise ProviderAway from None

    def _check_metadata(self) -> None:
        """Load what the provider says of itself, unless it is known; refuse another provider's."""
        metadata = self._client.load_server_metadata()
        if time.time() - metadata["_loaded_at"] > METADATA_LASTS:
            self._client = self._new_client()
            metadata = self._client.load_server_metadata()
        if metadata.get("issuer") != self.issuer:
            self._client = self._new_client()
            raise ValueError(f"it calls itself {metadata.get('issuer')!r}")
        offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        metadata["id_token_signing_alg_values_supported"] = [name for name in offered if name in _ALGORITHMS]


class _Claims(CodeIDToken):  # type: ignore[misc]
    """The claims of an ID token, checked by a given clock."""

    def __init__(self, clock: Callable[[], float], *parsed: Any) -> None:
        super().__init__(*parsed)
        self._clock = clock

    def validate(self, now: int | None = None, leeway: int = 0) -> None:
        """Raise ``JoseError`` for a claim that is missing or wrong."""
        super().validate(int(self._clock()) if now is None else now, leeway)


class _Client(OAuth2Mixin, OpenIDMixin, BaseApp):  # type: ignore[misc]
    """Authlib's client without a web framework."""

    client_cls = OAuth2Session


_UNVERIFIED = "The answer of the sign-in service could not be verified. Try again, or tell an admin."
_CLOCK_IS_WRONG = (
    "The answer of the sign-in service has expired or is from the future. Try again. "
    "If that happens again, tell an admin that the clock of the service or that of Deskjob is wrong."
)
_REFUSED = "The sign-in service refused to confirm this sign-in. Start again."


def _sentence(error: JoseError) -> str:
    claim = getattr(error, "claim", "") if isinstance(error, InvalidClaimError | MissingClaimError) else ""
    if isinstance(error, ExpiredTokenError) or (isinstance(error, InvalidClaimError) and claim in {"iat", "nbf"}):
        return _CLOCK_IS_WRONG
    if claim == "aud":
        return "The answer of the sign-in service is meant for another application."
    return _UNVERIFIED
