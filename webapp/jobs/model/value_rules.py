"""Rules for values that code gives to the engine: what is accepted, and one sentence about everything else. Pure.

Declarations of job types, options of new jobs and policies are all checked by tables of these rules.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any
from uuid import UUID

from webapp.jobs.model.json_values import storable_text

LONGEST = timedelta(days=36_500)  # databases cannot add much more to the time of today
HIGHEST_PRIORITY = 1_000_000
QUEUE_NAME_LIMIT = 80  # characters, as the limits below
CHILD_NAME_LIMIT = 200
KEY_LIMIT = 200
_SHOWN_LIMIT = 60


@dataclass(frozen=True, slots=True)
class ValueRule:
    """Which values are accepted, and the words for them: "must be {words}"."""

    words: str
    accepts: Callable[[Any], bool]

    def __or__(self, other: "ValueRule") -> "ValueRule":
        """Accept what either rule accepts."""
        return ValueRule(f"{self.words} or {other.words}", lambda value: self.accepts(value) or other.accepts(value))

    def objection(self, name: str, value: object) -> str:
        """Return the sentence about a value that is not accepted; an empty text if it is."""
        return "" if self.accepts(value) else f"{name} must be {self.words}, not {shown(value)}."


def text(most: int, *, least: int = 1) -> ValueRule:
    """Return the rule of a text of ``least`` to ``most`` characters that is not blank."""
    words = f"a text of {least} to {most} characters"
    return ValueRule(words, lambda value: isinstance(value, str) and least <= len(value) <= most and _is_clean(value))


def integer(least: int, most: int) -> ValueRule:
    """Return the rule of a whole number within limits."""
    words = f"a whole number from {least} to {most}"
    return ValueRule(words, lambda value: type(value) is int and least <= value <= most)


def period(*, zero: bool = False) -> ValueRule:
    """Return the rule of a timedelta that is longer than zero, or also zero."""
    words = "a timedelta of zero or more" if zero else "a timedelta longer than zero"
    least = timedelta(0) if zero else timedelta(microseconds=1)
    return ValueRule(
        f"{words}, at most {LONGEST.days} days",
        lambda value: isinstance(value, timedelta) and least <= value <= LONGEST,
    )


def one_of(values: Collection[str]) -> ValueRule:
    """Return the rule of a text out of a few."""
    return ValueRule(
        "one of " + ", ".join(repr(str(value)) for value in values),
        lambda value: isinstance(value, str) and value in values,
    )


def instance(kind: type, words: str) -> ValueRule:
    """Return the rule of an object of a class."""
    return ValueRule(words, lambda value: isinstance(value, kind))


NOTHING = ValueRule("None", lambda value: value is None)
TRUTH = ValueRule("True or False", lambda value: isinstance(value, bool))
ID = instance(UUID, "a UUID")
IDS = ValueRule(
    "a list of UUIDs",
    lambda value: (
        isinstance(value, Collection) and not isinstance(value, str) and all(isinstance(item, UUID) for item in value)
    ),
)
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
MOMENT = ValueRule(
    "a datetime with a time zone, from the years 1970 to 2999",
    lambda value: isinstance(value, datetime) and value.utcoffset() is not None and _EARLIEST <= value < _LATEST,
)
PRIORITY = integer(-HIGHEST_PRIORITY, HIGHEST_PRIORITY)
QUEUE_NAME = ValueRule(
    f"the name of a queue: 1 to {QUEUE_NAME_LIMIT} visible characters without a comma",
    lambda value: (
        text(QUEUE_NAME_LIMIT).accepts(value) and value.isprintable() and value == value.strip() and "," not in value
    ),
)


def first_objection(values: Mapping[str, Any], rules: Mapping[str, ValueRule]) -> str:
    """Return one sentence about the first name or value that is not accepted; an empty text if all are."""
    for name, value in values.items():
        if name not in rules:
            return unknown_name(name, rules)
        if objection := rules[name].objection(name, value):
            return objection
    return ""


def unknown_name(name: str, known: Collection[str]) -> str:
    """Return the sentence about a name that does not exist, with the nearest one or all of them."""
    near = get_close_matches(name, known, n=1)
    return f"There is no option {name!r}. " + (
        f"Did you mean {near[0]!r}?" if near else f"The options are: {', '.join(sorted(known))}."
    )


def shown(value: object) -> str:
    """Return a value as code, cut to a readable length."""
    try:
        code = repr(value)
    except Exception:  # noqa: BLE001  (the value is a stranger's)
        code = f"a {type(value).__name__}"
    return code if len(code) <= _SHOWN_LIMIT else f"{code[: _SHOWN_LIMIT - 1]}…"


def _is_clean(value: str) -> bool:
    """Return whether a text shows something and every database can store it."""
    shows = any(char.isprintable() and char != " " for char in value)
    return shows and storable_text(value) == value
