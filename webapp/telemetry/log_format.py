"""The format of logs: lines for people, or one JSON object per line, and no secrets in either.

A secret is known by its value (those of the settings), by its shape (API tokens, passwords in URLs) or by its name.
"""

import json
import logging
import re
import traceback
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from pydantic import SecretStr

from webapp.config import Settings
from webapp.telemetry.log_context import log_fields

HIDDEN = "***"
attempt_log = logging.getLogger("webapp.attempts")  # a line for each attempt; silent unless a program reads the log
_SHORTEST = 8  # characters of a value that is hidden wherever it appears
_SHAPES = (
    (re.compile(r"\bdj_[A-Za-z0-9]{20,}"), f"dj_{HIDDEN}"),
    (re.compile(r"\bwhsec_[A-Za-z0-9+/=_-]{8,}"), f"whsec_{HIDDEN}"),
    (re.compile(r"(?<=://)[^/\s@:]*:[^/\s@]+(?=@)"), HIDDEN),
    (re.compile(r"(?i)(\b(?:bearer|basic)\s+)[\w.~+/=-]{6,}"), rf"\g<1>{HIDDEN}"),
    (
        re.compile(r"(?i)([?&;](?:[\w.-]*(?:token|secret|password|passwd|api_?key|signature|otp))=)[^&\s\"']+"),
        rf"\g<1>{HIDDEN}",
    ),
)
_RESERVED = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class LogMask:
    """Hides secrets in texts."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({secret for secret in secrets if len(secret) >= _SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    @classmethod
    def of(cls, settings: Settings, *further: str) -> "LogMask":
        """Return the mask for the secrets of an installation."""
        values = [value.get_secret_value() for _, value in settings if isinstance(value, SecretStr)]
        return cls([*values, *further])

    def text(self, text: str) -> str:
        """Return the text without secrets."""
        if self._known:
            text = self._known.sub(HIDDEN, text)
        for shape, hidden in _SHAPES:
            text = shape.sub(hidden, text)
        return text

    def value(self, value: Any) -> Any:
        """Return a value as JSON can have it, without secrets."""
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool | int) or (isinstance(value, float) and isfinite(value)):
            return value
        if isinstance(value, Mapping):
            return {str(name): self.value(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return self.text(str(value))


class TextFormat(logging.Formatter):
    """A line for people."""

    def __init__(self, mask: LogMask) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self.mask = mask

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with a traceback below it."""
        return self.mask.text(super().format(record))


class MaskedFormat(logging.Formatter):
    """The lines of another format without secrets."""

    def __init__(self, mask: LogMask, other: logging.Formatter) -> None:
        super().__init__()
        self._mask = mask
        self._other = other

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return self._mask.text(self._other.format(record))


class JsonFormat(logging.Formatter):
    """A JSON object on one line: time, level, logger, message, the fields of `log_context` and of ``extra``."""

    def __init__(self, mask: LogMask) -> None:
        super().__init__()
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return json.dumps(self._mask.value(_document(record)), ensure_ascii=False, allow_nan=False, default=str)


def _document(record: logging.LogRecord) -> dict[str, Any]:
    document = {
        "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname,
        "logger": record.name,
        "message": record.getMessage(),
        "process": record.process,
        **log_fields(),
        **{name: value for name, value in vars(record).items() if name not in _RESERVED},
    }
    if record.exc_info and (error := record.exc_info[1]):
        document["error"] = {
            "type": type(error).__name__,
            "message": str(error),
            "traceback": "".join(traceback.format_exception(error)),
        }
    return document


def log_format(settings: Settings, *secrets: str) -> JsonFormat | TextFormat:
    """Return the format that the settings choose; ``secrets`` are hidden besides those of the settings."""
    mask = LogMask.of(settings, *secrets)
    return JsonFormat(mask) if settings.log_format == "json" else TextFormat(mask)
