"""Builds single sign-on from the settings; Authlib is imported only if a provider is configured."""

from __future__ import annotations

from collections.abc import Callable
from time import time
from typing import TYPE_CHECKING

from webapp.config import BadSettingError, Settings

if TYPE_CHECKING:
    from webapp.sign_in.openid_provider import OpenIdProvider

CALLBACK = "/login/callback"  # below PUBLIC_URL; the provider knows the whole address


def openid_provider(settings: Settings, clock: Callable[[], float] = time) -> OpenIdProvider | None:
    """Return the configured provider, ``None`` without one; raises `BadSettingError` if something is missing.

    Its answers are checked by ``clock``, which returns the seconds since 1970.
    """
    if not settings.oidc_issuer:
        return None
    if not settings.oidc_client_id:
        raise BadSettingError("DESKJOB_OIDC_ISSUER needs DESKJOB_OIDC_CLIENT_ID: the name of Deskjob at the provider.")
    if not settings.public_url:
        message = "DESKJOB_OIDC_ISSUER needs DESKJOB_PUBLIC_URL: the provider sends users back to an address below it."
        raise BadSettingError(message)
    if "openid" not in settings.oidc_scopes.split():
        raise BadSettingError("DESKJOB_OIDC_SCOPES must contain openid.")
    try:
        from webapp.sign_in.openid_provider import OpenIdProvider
    except ImportError:
        raise BadSettingError("DESKJOB_OIDC_ISSUER needs further packages: pip install 'deskjob[sso]'.") from None
    return OpenIdProvider(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=client_secret(settings),
        redirect_uri=redirect_uri(settings),
        scopes=settings.oidc_scopes,
        clock=clock,
    )


def redirect_uri(settings: Settings) -> str:
    """Return the address that must be registered at the provider."""
    return f"{settings.public_url.rstrip('/')}{CALLBACK}"


def client_secret(settings: Settings) -> str | None:
    """Return the secret of the setting or of its file; ``None`` for a public client."""
    if settings.oidc_client_secret:
        return settings.oidc_client_secret.get_secret_value()
    if settings.oidc_client_secret_file is None:
        return None
    try:
        secret = settings.oidc_client_secret_file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        message = f"DESKJOB_OIDC_CLIENT_SECRET_FILE cannot be used ({settings.oidc_client_secret_file}): {reason}."
        raise BadSettingError(message) from None
    if not secret:
        message = f"DESKJOB_OIDC_CLIENT_SECRET_FILE cannot be used ({settings.oidc_client_secret_file}): it is empty."
        raise BadSettingError(message)
    return secret
