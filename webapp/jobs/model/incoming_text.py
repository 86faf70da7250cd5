r"""Cleans text from handlers and callers before it is stored: bounded, storable, without control characters. Pure.

A text can come from a program that writes to a terminal. So ANSI sequences (colours, cursor, titles) are removed,
``\r`` leaves the last state of its line, as a progress bar does, and every other control character is shown as
its symbol: BEL as ␇. Characters that turn the direction of what follows become U+FFFD.
"""

import re
from typing import Any

MESSAGE_LIMIT = 1000  # characters; every list of jobs shows it
TEXT_LIMIT = 8 * 1024  # characters of an error, a warning or a log line
TRACEBACK_LIMIT = 64 * 1024  # characters
TITLE_LIMIT = 200  # characters, as in the schema

_SPECIAL = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\ud800-\udfff]").search
_ANSI = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours and cursor
    "|(?:\x1b[\\]P^_X]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x90\x98\x9b-\x9f\n]*(?:\x07|\x9c|\x1b\\\\)"  # titles, links
    "|\x1b[ -/]*[0-~]"
)
_SYMBOLS = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"},
    0x7F: "\u2421",
    **dict.fromkeys((*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0xD800, 0xE000)), "\ufffd"),
    **dict.fromkeys((0x2028, 0x2029), "\n"),
}


def clean_text(value: object, limit: int) -> str:
    """Return a text of at most ``limit`` characters; if it was longer, its end says so. Never raises."""
    text = visible_text(text_of(value))
    if len(text) <= limit:
        return text
    note = f"… (cut, {len(text):,} characters)"
    return text[: max(0, limit - len(note))] + note[:limit]


def clean_traceback(value: str, limit: int = TRACEBACK_LIMIT) -> str:
    """Return a traceback of at most ``limit`` characters: a quarter from its beginning, the rest from its end."""
    text = visible_text(value)
    if len(text) <= limit:
        return text
    note = f"\n… (cut, {len(text):,} characters)\n"
    first = (limit - len(note)) // 4
    return text[:first] + note + text[first + len(note) - limit :]


def visible_text(text: str) -> str:
    """Return a text without control characters, see the module's docstring."""
    if not _SPECIAL(text):
        return text
    text = _ANSI.sub("", text)
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return text.translate(_SYMBOLS)


def clean_values(values: Any) -> Any:
    """Return JSON values of which every text can be shown; for values that pages show, not for data."""
    if isinstance(values, str):
        return visible_text(values)
    if isinstance(values, dict):
        return {name: clean_values(value) for name, value in values.items()}
    return [clean_values(value) for value in values] if isinstance(values, list) else values


def text_of(value: object) -> str:
    """Return ``str(value)``, or a text that says that it cannot be shown. Never raises."""
    try:
        return str.__str__(value if isinstance(value, str) else str(value))
    except BaseException as broken:  # noqa: BLE001  (foreign code)
        return f"(Its text cannot be shown: str() raised {type(broken).__name__}.)"
