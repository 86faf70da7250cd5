"""Reads JSON strictly: no duplicate keys, no NaN, no text that cannot be stored, no deep nesting.

A parser that forgives hides mistakes: of two keys of one name, the wrong one could win.
"""

import json
from math import isfinite
from typing import Any, NoReturn

MOST_DEPTH = 64


class BadJson(Exception):
    """Raised for a body that is not acceptable JSON; the message never repeats the body."""


def parse_json(raw: bytes | str) -> Any:
    """Parse a text; raise `BadJson`."""
    try:
        text = raw if isinstance(raw, str) else raw.decode()
        value = _DECODER.decode(text)
        _check(value, 0)
    except UnicodeDecodeError:
        message = "The body is not UTF-8."
        raise BadJson(message) from None
    except json.JSONDecodeError as error:
        message = f"The body is not JSON: {error.msg} in line {error.lineno}, column {error.colno}."
        raise BadJson(message) from None
    except RecursionError:
        _too_deep()
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        message = "An object of the body has two members of one name."
        raise BadJson(message)
    return found


def _refuse_constant(_text: str) -> NoReturn:
    message = "NaN and Infinity are not JSON."
    raise BadJson(message)


def _number(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        message = "A number of the body is too large."
        raise BadJson(message)
    return value


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:  # thousands of digits
        message = "A number of the body is too large."
        raise BadJson(message) from None


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_refuse_constant, parse_float=_number, parse_int=_integer
)


def _check(value: Any, depth: int) -> None:
    """Refuse texts that no database stores, and nesting that code could not walk."""
    if isinstance(value, str):
        if "\0" in value or not _is_encodable(value):
            message = "A text of the body contains a NUL character or an unpaired surrogate."
            raise BadJson(message)
    elif isinstance(value, dict):
        _check_depth(depth)
        for name, item in value.items():
            _check(name, depth)
            _check(item, depth + 1)
    elif isinstance(value, list):
        _check_depth(depth)
        for item in value:
            _check(item, depth + 1)


def _check_depth(depth: int) -> None:
    if depth >= MOST_DEPTH:
        _too_deep()


def _too_deep() -> NoReturn:
    message = f"The body is nested more than {MOST_DEPTH} levels deep."
    raise BadJson(message)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
