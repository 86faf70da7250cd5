"""Validation of account details: each function returns the value to store or raises `BadAccount`."""

import unicodedata

from webapp.accounts.user import Role
from webapp.time_zones import find_time_zone
from webapp.visible_text import is_word_character, unreadable_character, without_invisible

NAME_LIMIT = 80
FULL_NAME_LIMIT = 120
TENANT_LIMIT = 80
GROUP_LIMIT = 120
_SIGNS = "_.@+-"
_DOTTED_I = "i\N{COMBINING DOT ABOVE}"  # the small letter of the Turkish capital, which is written i


class BadAccount(Exception):
    """Raised when an account detail is invalid; the message is a sentence for users."""


def normalize_name(name: str) -> str | None:
    """Return the stored spelling of a name, or ``None`` if it is not a valid name."""
    spelled = spelled_name(name)
    return spelled if 0 < len(spelled) <= NAME_LIMIT and spelled[0].isalnum() and not _bad_sign(spelled) else None


def valid_name(name: str) -> str:
    """Return the username to store; upper and lower case are equal."""
    if (spelled := normalize_name(name)) is None:
        bad = _bad_sign(spelled_name(name))
        if bad and bad.isprintable() and not bad.isspace():
            message = f"A username cannot contain {bad!r}. Use letters, digits and . @ + - _ only."
            raise BadAccount(message)
        message = (
            f"A username must have 1 to {NAME_LIMIT} characters (letters, digits and . @ + - _) "
            "and start with a letter or digit."
        )
        raise BadAccount(message)
    return spelled


def valid_full_name(full_name: str) -> str:
    """Return the full name without invisible characters, trimmed to one line."""
    too_long = f"A full name must be a single line of at most {FULL_NAME_LIMIT} characters."
    return _one_line(full_name, FULL_NAME_LIMIT, too_long, "A full name cannot contain the character {}.")


def valid_tenant(tenant: str | None) -> str | None:
    """Return the name of a tenant without invisible characters, trimmed to one line; ``None`` if it is empty."""
    too_long = f"A tenant must be a single line of at most {TENANT_LIMIT} characters."
    return _one_line(tenant or "", TENANT_LIMIT, too_long, "A tenant cannot contain the character {}.") or None


def valid_group(name: str) -> str:
    """Return the name of a group without invisible characters, trimmed to one line."""
    sentence = f"The name of a group is a single line of 1 to {GROUP_LIMIT} characters."
    if known := _one_line(name, GROUP_LIMIT, sentence, "The name of a group cannot contain the character {}."):
        return known
    raise BadAccount(sentence)


def _one_line(text: str, limit: int, too_long: str, unreadable: str) -> str:
    trimmed = unicodedata.normalize("NFC", without_invisible(text))
    if len(trimmed) > limit or len(trimmed.splitlines()) > 1:
        raise BadAccount(too_long)
    if sign := unreadable_character(trimmed):
        raise BadAccount(unreadable.format(sign))
    return trimmed


def spelled_name(name: str) -> str:
    """Return a name as it would be stored, whether it is valid or not."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return without_invisible(folded.replace(_DOTTED_I, "i"))


def _bad_sign(spelled: str) -> str:
    """Return the first character that a username cannot contain; an empty text if there is none."""
    return next(
        (sign for at, sign in enumerate(spelled) if sign not in _SIGNS and not is_word_character(spelled, at)), ""
    )


def valid_email(email: str | None) -> str | None:
    """Return the normalized address; does not check whether mail can be delivered."""
    address = without_invisible(email or "")
    if not address:
        return None
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415  (few processes need it)

    try:
        return validate_email(address, check_deliverability=False).normalized
    except EmailNotValidError:
        message = "This is not an email address."
        raise BadAccount(message) from None


def valid_timezone(timezone: str) -> str:
    """Return the zone of that name or city, or empty for the installation's time zone."""
    zone = find_time_zone(timezone.strip()) if timezone.strip() else ""
    if zone is None:
        message = f"Unknown time zone {timezone!r}. Example: Europe/Madrid."
        raise BadAccount(message)
    return zone


def valid_role(role: str) -> Role:
    """Return the role of this name."""
    try:
        return Role(role)
    except ValueError:
        message = f"Unknown role {role!r}. The roles are {', '.join(Role)}."
        raise BadAccount(message) from None
