"""A secret that the next page shows once: a one-time password, or a new API token.

It waits in the session of the browser, encrypted: the cookie is signed but readable.
"""

from flask import session
from pydantic import SecretStr

from webapp.jobs.definition.payload import UnreadableSecret
from webapp.views.page.request import services

_SESSION_KEY = "one_time"


def remember_one_time_secret(name: str, secret: str) -> None:
    """Keep a secret for the page of the object ``name``."""
    session[_SESSION_KEY] = {"name": name, **services().vault.encrypt(SecretStr(secret))}


def take_one_time_secret(name: str) -> str:
    """Return the secret just created for ``name`` and forget it; empty if there is none."""
    if session.get(_SESSION_KEY, {}).get("name") != name:
        return ""
    encrypted = session.pop(_SESSION_KEY)
    try:
        return services().vault.decrypt(encrypted)
    except UnreadableSecret:
        return ""
