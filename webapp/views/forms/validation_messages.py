"""Translates pydantic's validation errors into one sentence per field."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from webapp.jobs.definition.field_specs import field_of
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext

_WORDS: Mapping[str, str] = {
    "missing": lazy_gettext("Fill in this field."),
    "string_too_short": lazy_gettext("Use at least %(min_length)s characters."),
    "string_too_long": lazy_gettext("Use at most %(max_length)s characters."),
    "string_pattern_mismatch": lazy_gettext("This does not have the expected format."),
    "greater_than": lazy_gettext("This must be more than %(gt)s."),
    "greater_than_equal": lazy_gettext("This must be %(ge)s or more."),
    "less_than": lazy_gettext("This must be less than %(lt)s."),
    "less_than_equal": lazy_gettext("This must be %(le)s or less."),
    "multiple_of": lazy_gettext("This must be a multiple of %(multiple_of)s."),
    "finite_number": lazy_gettext("This must be a number."),
    "decimal_max_places": lazy_gettext("Use at most %(decimal_places)s decimal places."),
    "decimal_max_digits": lazy_gettext("Use at most %(max_digits)s digits."),
    "too_short": lazy_gettext("Provide at least %(min_length)s."),
    "too_long": lazy_gettext("Provide at most %(max_length)s."),
    "enum": lazy_gettext("Choose one of the options."),
    "literal_error": lazy_gettext("Choose one of the options."),
    "date_past": lazy_gettext("This must be a date in the past."),
    "date_future": lazy_gettext("This must be a date in the future."),
    "datetime_past": lazy_gettext("This must be a time in the past."),
    "datetime_future": lazy_gettext("This must be a time in the future."),
}
_BEGINNINGS: Mapping[str, str] = {
    "int_": lazy_gettext("This must be a whole number."),
    "float_": lazy_gettext("This must be a number."),
    "decimal_": lazy_gettext("This must be a number."),
    "bool_": lazy_gettext("This must be yes or no."),
    "datetime_": lazy_gettext("This must be a date and a time."),
    "date_": lazy_gettext("This must be a date."),
    "time_delta_": lazy_gettext("This must be a duration, such as 1:30:00 for an hour and a half."),
    "time_": lazy_gettext("This must be a time of day."),
    "url_": lazy_gettext("This must be a web address, such as https://example.org/."),
    "uuid_": lazy_gettext("This must be a UUID."),
}


def sentences(payload_class: type[BaseModel], error: ValidationError) -> dict[str, str]:
    """Map field names to error sentences; ``""`` is the payload as a whole."""
    found: dict[str, str] = {}
    for item in error.errors(include_url=False, include_input=False):
        name, inside = field_of(payload_class, item["loc"])
        found.setdefault(name, _place(inside) + _sentence(dict(item)))
    return found


def as_sentence(text: str) -> str:
    """Capitalise a message and add a full stop."""
    text = text.strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def _place(inside: list[int | str]) -> str:
    """Return the position inside the answer, counted from one."""
    if not inside:
        return ""
    first, *rest = inside
    if isinstance(first, int) and not rest:
        return _("Item %(number)s: ", number=first + 1)
    return ".".join(str(part) for part in inside) + ": "


def _sentence(item: Mapping[str, Any]) -> str:
    kind, context = str(item["type"]), item.get("ctx", {})
    if kind in {"value_error", "assertion_error"}:
        return translated(as_sentence(str(context.get("reason") or context.get("error") or item["msg"])))
    if kind == "literal_error" and context.get("expected") == "True":
        return _("Check this box to continue.")
    if kind in _WORDS:
        return str(_WORDS[kind]) % {name: _plain(value) for name, value in context.items()}
    plain = str(next((text for start, text in _BEGINNINGS.items() if kind.startswith(start)), ""))
    return plain or as_sentence(item["msg"].replace("Input should", "This should"))


def _plain(value: object) -> object:
    """Show a bound of 1.0 as "1"."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
