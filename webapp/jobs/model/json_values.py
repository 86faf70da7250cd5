"""Words as every database takes them. Pure.

PostgreSQL refuses NUL in text, UTF-8 refuses lone surrogates (Python makes them of odd file names),
and JSON knows neither NaN nor objects. What one database refuses must not reach the other either.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

_REFUSED = re.compile("[\0\ud800-\udfff]")
JSON_LIMIT = 64 * 1024  # bytes


class NotStorable(ValueError):
    """What is kept in a job's row is JSON of a limited size; the message says which part is not."""


class TooLarge(NotStorable):
    """JSON keeps to its limit of bytes."""


def check_json(values: Mapping[str, Any], what: str, limit: int = JSON_LIMIT) -> dict[str, Any]:
    """Return the same values, storable; raise `NotStorable` with a sentence that begins with ``what``."""
    try:
        made: dict[str, Any] = storable_values(values)
        size = json_size(made)
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        message = f"{what} must be JSON: {error}."
        raise NotStorable(message) from None
    if not isinstance(made, dict):
        message = f"{what} must be a JSON object, not {type(values).__name__}."
        raise NotStorable(message)
    if size > limit:
        message = f"{what} is at most {limit} bytes of JSON, not {size}."
        raise TooLarge(message)
    return made


def storable_text(words: str) -> str:
    """Put U+FFFD for each character that cannot be stored."""
    return _REFUSED.sub("\ufffd", words)


def json_size(values: Mapping[str, Any]) -> int:
    """Return the length of the JSON in bytes; ``TypeError`` or ``ValueError`` for what is no JSON."""
    return len(json.dumps(values, allow_nan=False))


def storable_values(values: Any) -> Any:
    """Return the same values with every text storable."""
    if isinstance(values, str):
        return storable_text(values)
    if isinstance(values, Mapping):
        return {storable_text(str(name)): storable_values(value) for name, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [storable_values(value) for value in values]
    return values
