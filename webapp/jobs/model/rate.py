"""Rates: how many jobs of a type can start within a period, in total, per owner or per key of the payload. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from hashlib import blake2b
from types import MappingProxyType
from typing import Any
from uuid import UUID

from webapp.jobs.model import value_rules
from webapp.jobs.model.job import Owner
from webapp.jobs.model.value_rules import ValueRule, shown

SYSTEM_KEY = "system"  # of jobs without an owner
_MOST_STARTS = 1_000_000
_LONGEST_PERIOD = timedelta(days=366)
_READABLE = 100  # characters of a key that are stored as they are


class CountedBy(StrEnum):
    """What the starts of a rate are counted by."""

    TYPE = "type"
    OWNER = "owner"
    KEY = "key"  # what a function of the payload returns


_RULES: Mapping[str, ValueRule] = MappingProxyType(
    {
        "starts": value_rules.integer(1, _MOST_STARTS),
        "period": ValueRule(
            f"a timedelta of one second to {_LONGEST_PERIOD.days} days",
            lambda value: isinstance(value, timedelta) and timedelta(seconds=1) <= value <= _LONGEST_PERIOD,
        ),
        "by": value_rules.one_of([CountedBy.TYPE, CountedBy.OWNER]) | ValueRule("a function of the payload", callable),
    }
)


class BadRateKey(ValueError):
    """Raised when the function of a rate returns something that is no key."""

    def __init__(self, value: object) -> None:
        """Show what it returned."""
        super().__init__(f"The key of a rate must be a text, a whole number, a UUID or None, not {shown(value)}.")


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``starts`` jobs start within any ``period``.

    They are counted ``by`` type, by owner, or by what a function of the payload returns; a job for which it returns
    ``None`` has no rate.
    """

    starts: int
    period: timedelta
    by: str | Callable[[Any], str | int | UUID | None] = CountedBy.TYPE

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for a rate that is none."""
        if objection := value_rules.first_objection({name: getattr(self, name) for name in _RULES}, _RULES):
            raise ValueError(objection)

    @property
    def counted_by(self) -> CountedBy:
        """What its starts are counted by."""
        return CountedBy.KEY if callable(self.by) else CountedBy(self.by)

    def key_of(self, type_name: str, owner: Owner, payload: Any) -> str | None:
        """Return the key by which the starts of a job are counted; raises `BadRateKey`."""
        if callable(self.by):
            value = self.by(payload)
            return None if value is None else f"{type_name}/{_readable(value)}"
        return type_name if self.by == CountedBy.TYPE else f"{type_name}/{owner.user_id or SYSTEM_KEY}"

    def key_of_copy(self, type_name: str, owner: Owner, key: str | None) -> str | None:
        """Return the key of a job with the payload of another one, whose key is known."""
        return key if callable(self.by) else self.key_of(type_name, owner, None)

    def slot(self, last: int, place: int) -> tuple[int, int]:
        """Return which start makes room for the job at a place in line, and how many periods after it.

        Starts have numbers; ``last`` is that of the latest one. At place 0 is the job that starts next.
        """
        number, periods = last + 1 + place - self.starts, 1
        while number > last:
            number, periods = number - self.starts, periods + 1
        return number, periods


def _readable(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | UUID):
        raise BadRateKey(value)
    text = str(value)
    if len(text) <= _READABLE:
        return text
    return f"{text[:_READABLE]}~{blake2b(text.encode(), digest_size=16).hexdigest()}"
