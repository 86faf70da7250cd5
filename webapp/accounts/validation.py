"""Validation of account details: each function returns the value to store or raises `BadAccount`."""

import re
import unicodedata
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email

from webapp.accounts.user import Role

NAME_LIMIT = 80
FULL_NAME_LIMIT = 120
_NAME = re.compile(rf"[^\W_][\w.@+-]{{0,{NAME_LIMIT - 1}}}")


class BadAccount(Exception):
    """Raised when an account detail is invalid; the message is a sentence for users."""


def normalize_name(name: str) -> str | None:
    """Return the stored spelling of a name, or ``None`` if it is not a valid name."""
    spelled = unicodedata.normalize("NFKC", name).strip().casefold()
    return spelled if _NAME.fullmatch(spelled) else None


def valid_name(name: str) -> str:
    """Return the username to store; upper and lower case are equal."""
    if (spelled := normalize_name(name)) is None:
        message = (
            f"A username must have 1 to {NAME_LIMIT} characters (letters, digits and . @ + - _) "
            "and start with a letter or digit."
        )
        raise BadAccount(message)
    return spelled


def valid_full_name(full_name: str) -> str:
    """Return the full name, trimmed to one line."""
    trimmed = full_name.strip()
    if len(trimmed) > FULL_NAME_LIMIT or not trimmed.isprintable():
        message = f"A full name must be a single line of at most {FULL_NAME_LIMIT} characters."
        raise BadAccount(message)
    return trimmed


def valid_email(email: str | None) -> str | None:
    """Return the normalized address; does not check whether mail can be delivered."""
    if not email:
        return None
    try:
        return validate_email(email, check_deliverability=False).normalized
    except EmailNotValidError:
        message = "This is not an email address."
        raise BadAccount(message) from None


def valid_timezone(timezone: str) -> str:
    """Return a zone of the tz database, or empty for the installation's time zone."""
    if timezone and timezone not in available_timezones():
        message = f"Unknown time zone {timezone!r}. Example: Europe/Madrid."
        raise BadAccount(message)
    return timezone


def valid_role(role: str) -> Role:
    """Return the role of this name."""
    try:
        return Role(role)
    except ValueError:
        message = f"Unknown role {role!r}. The roles are {', '.join(Role)}."
        raise BadAccount(message) from None
