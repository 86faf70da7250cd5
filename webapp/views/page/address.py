"""The values of an address: bounded here, once, before a page or the database sees them.

An integer that no column can hold is no integer: an argument with it counts as missing, and a path with it does not
exist. A text has no NUL, which PostgreSQL cannot store, and is not longer than any page needs. Days and moments stay
where a time zone can be applied to them.
"""

from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

from flask import Flask
from htmx_flask.requests import HtmxAwareRequest
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.routing import IntegerConverter, PathConverter, UnicodeConverter, ValidationError

HIGHEST_INTEGER = 2**63 - 1  # of a column
MOST_TEXT = 4000  # characters of one argument
MOST_NAME = 500  # characters of a part of a path
EARLIEST_DAY, LATEST_DAY = date(1000, 1, 1), date(9000, 12, 31)


def init_app(app: Flask) -> None:
    """Bound the parts of paths; call it before rules are added."""
    app.url_map.converters.update({"default": _Text, "string": _Text, "path": _Path, "int": _Integer})


def bounded_integer(text: str) -> int:
    """Read an integer that a column can hold; raise ``ValueError`` for anything else."""
    number = int(text)
    if not -HIGHEST_INTEGER <= number <= HIGHEST_INTEGER:
        message = f"{text[:40]} is too large."
        raise ValueError(message)
    return number


def bounded_day(day: date) -> date:
    """Return the day, or the nearest one to which every time zone can be applied."""
    return min(max(day, EARLIEST_DAY), LATEST_DAY)


def bounded_moment(moment: datetime) -> datetime:
    """Return the moment in its time zone, or in UTC the nearest one to which every time zone can be applied."""
    day = bounded_day(moment.date())
    return moment if day == moment.date() else datetime(day.year, day.month, day.day, tzinfo=UTC)


def parse_moment(text: str) -> datetime | None:
    """Read a moment as ISO 8601 writes it; without a time zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text.strip().replace(" ", "+")) if text else None
    except ValueError:
        return None
    return bounded_moment(moment.replace(tzinfo=moment.tzinfo or UTC)) if moment else None


class Arguments(ImmutableMultiDict[str, str]):
    """The arguments of a query string, or the fields of a form: ``type=int`` finds only integers that fit."""

    def get(self, key: str, default: Any = None, type: Any = None) -> Any:  # type: ignore[override]  # noqa: A002
        """Return the first value of a name."""
        return super().get(key, default, _bounded(type))

    def getlist(self, key: str, type: Any = None) -> list[Any]:  # noqa: A002  (as Werkzeug calls it)
        """Return all values of a name."""
        return super().getlist(key, _bounded(type))


class BoundedRequest(HtmxAwareRequest):  # type: ignore[misc]
    """A request with bounded arguments."""

    parameter_storage_class = Arguments

    @cached_property
    def args(self) -> Arguments:
        """The arguments of the query string."""
        return Arguments((_clean(name), _clean(value)) for name, value in super().args.items(multi=True))


def _bounded(kind: Any) -> Any:
    return bounded_integer if kind is int else kind


def _clean(text: str) -> str:
    return text[:MOST_TEXT].replace("\0", "\ufffd")


def _checked(text: str) -> str:
    if "\0" in text or len(text) > MOST_NAME:
        raise ValidationError
    return text


class _Text(UnicodeConverter):
    def to_python(self, value: str) -> str:
        return _checked(value)


class _Path(PathConverter):
    def to_python(self, value: str) -> str:
        return _checked(value)


class _Integer(IntegerConverter):
    def to_python(self, value: str) -> int:
        number = int(super().to_python(value))
        if number > HIGHEST_INTEGER:
            raise ValidationError
        return number
