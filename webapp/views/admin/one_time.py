"""One-time passwords: made here, shown on the next page and never again."""

import secrets

from flask import session
from pydantic import SecretStr

from webapp.jobs.payloads import UnreadableSecret
from webapp.views.current import services

_KEPT = "one_time"


def made() -> str:
    """Make one."""
    return secrets.token_urlsafe(15)


def show_next(name: str, password: str) -> None:
    """Keep it for the next page of this browser, encrypted: its cookie is signed, not secret."""
    session[_KEPT] = {"name": name, **services().vault.close(SecretStr(password))}


def shown(name: str) -> str:
    """Return the one that was made for ``name`` just now, once; else nothing."""
    if session.get(_KEPT, {}).get("name") != name:
        return ""
    kept = session.pop(_KEPT)
    try:
        return services().vault.open(kept)
    except UnreadableSecret:
        return ""
