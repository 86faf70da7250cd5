"""A webhook: which messages it takes, from whom, and which job they start."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from webapp.inbound.payload_mapping import BadMapping, check_mapping, check_path
from webapp.inbound.signature import DEFAULT_HEADER, Scheme
from webapp.visible_text import unreadable_character, without_invisible

NAME_LIMIT = 80
MOST_BYTES = 1024 * 1024
MOST_PER_MINUTE = 6000
MOST_OVERLAP = timedelta(days=7)  # that the old secret works after a rotation


class InvalidWebhook(Exception):
    """Raised when a webhook cannot be created like this; ``errors`` maps fields to sentences."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        """Name each field with its sentence."""
        self.errors = dict(errors)
        super().__init__(" ".join(f"{field}: {text}" if field else text for field, text in self.errors.items()))


class WebhookNotFound(Exception):
    """Raised when the webhook does not exist."""

    def __init__(self, reference: object) -> None:
        """Create the message for this webhook."""
        super().__init__(f"There is no webhook {reference}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDraft:
    """What an admin chooses. ``account`` is the name of the account that owns the jobs; periods are seconds.

    ``id_path`` is where a message has its id, for senders that do not send one in a header.
    """

    name: str
    type: str
    account: str
    scheme: str = Scheme.STANDARD
    header: str = ""
    mapping: Any = None
    id_path: str = ""
    window: int = 300
    max_bytes: int = 256 * 1024
    per_minute: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A webhook as it is stored, without its secrets; the old secret works until ``old_secret_until``."""

    id: UUID
    name: str
    type: str
    account_id: UUID
    scheme: Scheme
    header: str
    mapping: Mapping[str, Any]
    id_path: str
    window: int
    max_bytes: int
    per_minute: int
    disabled_at: datetime | None
    created_at: datetime
    created_by: UUID | None
    rotated_at: datetime | None
    old_secret_until: datetime | None


def values_of(draft: WebhookDraft) -> dict[str, Any]:
    """Return the columns of a draft; raise `InvalidWebhook`. Type and account are checked by `Webhooks.add`."""
    errors: dict[str, str] = {}
    name = without_invisible(draft.name)
    if not 0 < len(name) <= NAME_LIMIT or len(name.splitlines()) > 1 or unreadable_character(name):
        errors["name"] = f"A webhook needs a name of 1 to {NAME_LIMIT} characters on one line."
    if draft.scheme not in set(Scheme):
        errors["scheme"] = f"Choose one of {', '.join(Scheme)}."
    header = (draft.header or DEFAULT_HEADER) if draft.scheme == Scheme.HEADER else ""
    if header and not (header.isascii() and header.replace("-", "").isalnum() and len(header) <= NAME_LIMIT):
        errors["header"] = "The name of a header can only have letters, digits and hyphens."
    mapping = _checked_mapping(draft.mapping or {}, header, errors)
    if draft.id_path:
        _check_id_path(draft.id_path, errors)
    for field, most in (("window", 86_400), ("max_bytes", MOST_BYTES), ("per_minute", MOST_PER_MINUTE)):
        if not 1 <= getattr(draft, field) <= most:
            errors[field] = f"Must be between 1 and {most}."
    if errors:
        raise InvalidWebhook(errors)
    numbers = {field: getattr(draft, field) for field in ("window", "max_bytes", "per_minute")}
    return {
        "name": name,
        "scheme": Scheme(draft.scheme),
        "header": header,
        "mapping": mapping,
        "id_path": draft.id_path,
        **numbers,
    }


def _checked_mapping(mapping: Any, header: str, errors: dict[str, str]) -> Mapping[str, Any]:
    try:
        return check_mapping(mapping, secret_header=header)
    except BadMapping as error:
        errors["mapping"] = str(error)
        return {}


def _check_id_path(path: str, errors: dict[str, str]) -> None:
    try:
        check_path("", path)
    except BadMapping as error:
        errors["id_path"] = str(error)
