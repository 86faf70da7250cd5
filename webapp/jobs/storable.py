"""Words as every database takes them. Pure.

PostgreSQL refuses NUL in text, UTF-8 refuses lone surrogates (Python makes them of odd file names),
and JSON knows neither NaN nor objects. What one database refuses must not reach the other either.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

_REFUSED = re.compile("[\0\ud800-\udfff]")


def text(words: str) -> str:
    """Put U+FFFD for each character that cannot be stored."""
    return _REFUSED.sub("\ufffd", words)


def json_size(values: Mapping[str, Any]) -> int:
    """Return the length of the JSON in bytes; ``TypeError`` or ``ValueError`` for what is no JSON."""
    return len(json.dumps(values, allow_nan=False))


def json_values(values: Any) -> Any:
    """Return the same values with every text storable."""
    if isinstance(values, str):
        return text(values)
    if isinstance(values, Mapping):
        return {text(str(name)): json_values(value) for name, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [json_values(value) for value in values]
    return values
