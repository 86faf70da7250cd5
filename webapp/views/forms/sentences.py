"""What pydantic finds wrong, in sentences for people: one per field, the first one counts."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

_WORDS: Mapping[str, str] = {
    "missing": "Fill this in.",
    "string_too_short": "Write {min_length} characters or more.",
    "string_too_long": "Write {max_length} characters at most.",
    "string_pattern_mismatch": "This does not look as it should.",
    "greater_than": "This must be more than {gt}.",
    "greater_than_equal": "This must be {ge} or more.",
    "less_than": "This must be less than {lt}.",
    "less_than_equal": "This must be {le} or less.",
    "multiple_of": "This must be a multiple of {multiple_of}.",
    "finite_number": "This must be a number.",
    "decimal_max_places": "Give {decimal_places} decimal places at most.",
    "decimal_max_digits": "Give {max_digits} digits at most.",
    "too_short": "Give {min_length} or more.",
    "too_long": "Give {max_length} at most.",
    "enum": "Choose one of the options.",
    "literal_error": "Choose one of the options.",
    "date_past": "This must be a day in the past.",
    "date_future": "This must be a day in the future.",
    "datetime_past": "This must be a moment in the past.",
    "datetime_future": "This must be a moment in the future.",
}
_BEGINNINGS: Mapping[str, str] = {
    "int_": "This must be a whole number.",
    "float_": "This must be a number.",
    "decimal_": "This must be a number.",
    "bool_": "This must be yes or no.",
    "datetime_": "This must be a date and a time.",
    "date_": "This must be a date.",
    "time_delta_": "This must be a duration, such as 1:30:00 for an hour and a half.",
    "time_": "This must be a time of day.",
    "url_": "This must be a web address, such as https://example.org/.",
    "uuid_": "This must be a UUID.",
}


def sentences(error: ValidationError) -> dict[str, str]:
    """Map each field's name to what is wrong with it; ``""`` is the payload as a whole."""
    found: dict[str, str] = {}
    for item in error.errors(include_url=False, include_input=False):
        name, *inside = item["loc"] or ("",)
        found.setdefault(str(name), _place(inside) + _sentence(dict(item)))
    return found


def whole(text: str) -> str:
    """Make a sentence of what an author wrote: a capital in front, a full stop behind."""
    text = text.strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def _place(inside: list[int | str]) -> str:
    """Where in the answer: people count from one."""
    if not inside:
        return ""
    first, *rest = inside
    if isinstance(first, int) and not rest:
        return f"Number {first + 1}: "
    return ".".join(str(part) for part in inside) + ": "


def _sentence(item: Mapping[str, Any]) -> str:
    kind, context = str(item["type"]), item.get("ctx", {})
    if kind in {"value_error", "assertion_error"}:
        return whole(str(context.get("reason") or context.get("error") or item["msg"]))
    if kind == "literal_error" and context.get("expected") == "True":
        return "Tick this to go on."
    if kind in _WORDS:
        return _WORDS[kind].format(**{name: _plain(value) for name, value in context.items()})
    plain = next((text for start, text in _BEGINNINGS.items() if kind.startswith(start)), "")
    return plain or whole(item["msg"].replace("Input should", "This should"))


def _plain(value: object) -> object:
    """A bound of 1.0 is "1" to people."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
