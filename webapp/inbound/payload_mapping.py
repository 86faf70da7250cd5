"""Mapping: which parts of a message become which fields of a payload. Pure; nothing in a mapping is executed.

A mapping is a JSON object from fields (``customer``, or ``options.limit`` in a nested model) to sources:

- ``"/customer/id"``: a JSON pointer into the message; ``"customer.id"`` and ``"$.customer.id"`` are the same
- ``{"path": "/customer/id", "default": "none"}``: with a value for messages that do not have it
- ``{"header": "X-GitHub-Event"}``: a header of the request
- ``{"value": "csv"}``: always this value

Without any field, the message is the payload.
"""

import re
from collections.abc import Mapping
from typing import Any

from webapp.inbound.signature import PREFIX

Json = Any
MOST_FIELDS = 100
_PATH_LIMIT = 400
_FIELD = re.compile(r"\w+(\.\w+)*").fullmatch
_HEADER = re.compile(r"[A-Za-z0-9-]{1,80}").fullmatch
_SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "webhook-signature"})
_MISSING = object()


class BadMapping(Exception):
    """Raised for a mapping that cannot be used; ``field`` is the one that is wrong."""

    def __init__(self, field: str, sentence: str) -> None:
        """Name the field."""
        self.field = field
        super().__init__(f"{field}: {sentence}" if field else sentence)


def check_mapping(mapping: Json, *, secret_header: str = "") -> Mapping[str, Json]:
    """Return the mapping; raise `BadMapping`. ``secret_header`` cannot be read by it."""
    if not isinstance(mapping, Mapping):
        raise BadMapping("", "A mapping is a JSON object from fields to sources.")
    if len(mapping) > MOST_FIELDS:
        raise BadMapping("", f"A mapping can have at most {MOST_FIELDS} fields.")
    for field, source in mapping.items():
        if not _FIELD(field):
            raise BadMapping(field[:80], "A field is a name, or names with dots between them.")
        _check_source(field, source, {*_SECRET_HEADERS, secret_header.lower()})
    for field in mapping:
        parts = field.split(".")
        if any(".".join(parts[:count]) in mapping for count in range(1, len(parts))):
            raise BadMapping(field, "Another field of the mapping contains this one.")
    return dict(mapping)


def payload_of(mapping: Mapping[str, Json], message: Json, headers: Mapping[str, str]) -> dict[str, Json]:
    """Return the payload that a message makes; what the message does not have is left out.

    The names of ``headers`` are in lower case. Raises `BadMapping`.
    """
    if not mapping:
        if not isinstance(message, dict):
            raise BadMapping("", "The message is not a JSON object, and the webhook has no mapping.")
        return message
    payload: dict[str, Json] = {}
    for field, source in mapping.items():
        value = _value(source, message, headers)
        if value is not _MISSING:
            _put(payload, field.split("."), value)
    return payload


def headers_of(mapping: Mapping[str, Json], headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that a mapping reads."""
    names = {
        source["header"].lower() for source in mapping.values() if isinstance(source, Mapping) and "header" in source
    }
    return {name: headers[name] for name in sorted(names) if name in headers}


def value_at(path: str, message: Json) -> Json:
    """Return the value at a path of a message; None if there is none."""
    found = _at(path, message)
    return None if found is _MISSING else found


def check_path(field: str, path: Json) -> None:
    """Raise `BadMapping` for something that is no path."""
    if not isinstance(path, str) or not 0 < len(path) <= _PATH_LIMIT:
        raise BadMapping(field, f"A path is a text of 1 to {_PATH_LIMIT} characters.")
    if path.startswith(PREFIX):
        raise BadMapping(field, "This is a secret, not a path.")


def _check_source(field: str, source: Json, secret_headers: set[str]) -> None:
    if isinstance(source, str):
        check_path(field, source)
        return
    kinds = ({"path"}, {"path", "default"}, {"value"}, {"header"}, {"header", "default"})
    if not isinstance(source, Mapping) or set(source) not in kinds:
        raise BadMapping(field, "A source is a path, or an object with path, header or value.")
    if "path" in source:
        check_path(field, source["path"])
    if "header" in source:
        name = source["header"]
        if not isinstance(name, str) or not _HEADER(name):
            raise BadMapping(field, "This is no name of a header.")
        if name.lower() in secret_headers:
            raise BadMapping(field, "This header has a secret and cannot be part of a payload.")


def _value(source: Json, message: Json, headers: Mapping[str, str]) -> Json:
    if isinstance(source, str):
        return _at(source, message)
    if "value" in source:
        return source["value"]
    found = _at(source["path"], message) if "path" in source else headers.get(source["header"].lower(), _MISSING)
    return source["default"] if found is _MISSING and "default" in source else found


def _at(path: str, message: Json) -> Json:
    found = message
    for part in _parts(path):
        if isinstance(found, Mapping) and part in found:
            found = found[part]
        elif isinstance(found, list) and part.isascii() and part.isdigit() and int(part[:9]) < len(found):
            found = found[int(part[:9])]
        else:
            return _MISSING
    return found


def _parts(path: str) -> list[str]:
    if path.startswith("/"):
        return [part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/")] if path != "/" else []
    plain = path.removeprefix("$").removeprefix(".")
    return re.sub(r"\[(\d+)\]", r".\1", plain).split(".") if plain else []


def _put(payload: dict[str, Json], field: list[str], value: Json) -> None:
    for name in field[:-1]:
        payload = payload.setdefault(name, {})
    payload[field[-1]] = value
