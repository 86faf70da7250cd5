"""Converters between values and the text in a form: ``read(write(x))`` is ``x``.

What ``read`` returns is passed to pydantic, so texts stay texts where pydantic can parse them.
``read`` raises `ValueError` with a sentence for the user.
"""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any

from pydantic import TypeAdapter

from webapp.time_zones import local_time
from webapp.views.text.translations import gettext as _

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # NUL in JSON; after an escaped backslash it is text
_DURATION = TypeAdapter(timedelta)


@dataclass(frozen=True, slots=True)
class Converter:
    """Converts a value to text and back."""

    write: Callable[[Any], str]
    read: Callable[[str], Any]


def datetime_converter(zone: tzinfo) -> Converter:
    """Return a converter for local times in ``zone``; ``read`` returns UTC."""
    return Converter(lambda value: _on_the_clock(value, zone), lambda text: _from_the_clock(text, zone))


def _on_the_clock(value: str, zone: tzinfo) -> str:
    moment = datetime.fromisoformat(value)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return _short(local_time(aware, zone).replace(tzinfo=None))


def _from_the_clock(text: str, zone: tzinfo) -> str:
    try:
        typed = datetime.fromisoformat(text.strip())
    except ValueError:
        return text  # pydantic reports the error
    try:
        return _existing(typed if typed.tzinfo else typed.replace(tzinfo=zone)).isoformat()
    except OverflowError:
        message = _("This date is out of range.")
        raise ValueError(message) from None


def _existing(moment: datetime) -> datetime:
    utc = moment.astimezone(UTC)
    if utc.astimezone(moment.tzinfo).replace(tzinfo=None) != moment.replace(tzinfo=None):
        message = _("This time does not exist on that day because the clocks go forward.")
        raise ValueError(message)
    return utc


def _short(moment: datetime | time) -> str:
    """Format with milliseconds or seconds only if needed; browsers support milliseconds at most."""
    return moment.isoformat(
        timespec="milliseconds" if moment.microsecond else "seconds" if moment.second else "minutes"
    )


def _write_duration(value: str) -> str:
    """Write hours, minutes and seconds; longer than a day or finer than a second stays ISO 8601."""
    period = _DURATION.validate_python(value)
    if period.days or period.microseconds:
        return value
    minutes, seconds = divmod(period.seconds, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"


def _read_number(text: str) -> str:
    """Reject infinity and NaN, which are floats but cannot be stored as JSON."""
    try:
        storable = math.isfinite(float(text))
    except ValueError:
        return text  # pydantic reports the error
    if not storable:
        is_number = text.strip("+- ")[:1].isdigit()
        message = _("This number is too large.") if is_number else _("This must be a number.")
        raise ValueError(message)
    return text.strip()


def _write_lines(items: list[Any]) -> str:
    """Write one item per line; items with line breaks are written as a JSON list."""
    texts = [str(item) for item in items]
    lines = "\n".join(texts)
    return lines if _read_lines(lines) == texts else json.dumps(texts, ensure_ascii=False)


def _read_lines(text: str) -> list[Any]:
    if text.startswith('["'):
        try:
            return list(json.loads(text))
        except ValueError:
            pass
    return [line.strip() for line in text.split("\n") if line.strip()]


def _write_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _read_json(text: str) -> Any:
    try:
        value = json.loads(text)
        _check_storable(value)
    except json.JSONDecodeError as error:
        place = {"line": error.lineno, "column": error.colno, "error": error.msg.lower()}
        message = _("Invalid JSON at line %(line)s, column %(column)s: %(error)s.", **place)
        raise ValueError(message) from None
    except (ValueError, RecursionError):
        message = _("This JSON contains a value that cannot be stored.")
        raise ValueError(message) from None
    return value


def _check_storable(value: Any) -> None:
    """Raise `ValueError` for what a database rejects: NaN, unpaired surrogates and NUL."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    text.encode()
    if _NUL.search(text):
        raise ValueError(text)


PLAIN = Converter(str, str)
TRIMMED = Converter(str, str.strip)
NUMBER = Converter(str, _read_number)
TIME = Converter(lambda value: _short(time.fromisoformat(value)), str.strip)
ZONELESS = Converter(lambda value: _short(datetime.fromisoformat(value)), str.strip)
DURATION = Converter(_write_duration, str.strip)
LINES = Converter(_write_lines, _read_lines)
JSON = Converter(_write_json, _read_json)
