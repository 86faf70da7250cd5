"""Make text and JSON storable in every supported database. Pure.

PostgreSQL rejects NUL characters, UTF-8 rejects lone surrogates (Python creates them for undecodable
file names), and JSON has neither NaN nor objects. A value that one database rejects is never written
to the other one either, so both behave the same.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
JSON_LIMIT = 64 * 1024  # bytes


class NotStorable(ValueError):
    """Raised when a value of a job is not JSON or is too large; the message says which value."""


class TooLarge(NotStorable):
    """Raised when the JSON of a value exceeds its size limit."""


def check_json(values: Mapping[str, Any], what: str, limit: int = JSON_LIMIT) -> dict[str, Any]:
    """Return the values in storable form; raises `NotStorable` with a message that begins with ``what``."""
    try:
        storable: dict[str, Any] = storable_values(values)
        size = json_size(storable)
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        message = f"{what} must be JSON: {error}."
        raise NotStorable(message) from None
    if not isinstance(storable, dict):
        message = f"{what} must be a JSON object, not {type(values).__name__}."
        raise NotStorable(message)
    if size > limit:
        message = f"{what} must be at most {limit} bytes of JSON, not {size}."
        raise TooLarge(message)
    return storable


def storable_text(text: str) -> str:
    """Replace each character that cannot be stored with U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", text)


def json_size(values: Mapping[str, Any]) -> int:
    """Return the length of the JSON in bytes; raises ``TypeError`` or ``ValueError`` if it is not JSON."""
    return len(json.dumps(values, allow_nan=False))


def storable_values(values: Any) -> Any:
    """Return the same values with every text in storable form."""
    if isinstance(values, str):
        return storable_text(values)
    if isinstance(values, Mapping):
        return {storable_text(str(name)): storable_values(value) for name, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [storable_values(value) for value in values]
    return values
