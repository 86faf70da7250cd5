"""What was written in English where nobody knew who would read it, in the language of whoever does.

The engine, the accounts and the job types know no reader: rows and errors hold plain English. A text
that is in the catalogue as it stands (a job type's title) is looked up; a sentence with something
filled in is recognised by its pattern among the `known`. What is unknown is shown as it is.
"""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from webapp.views.text.engine_messages import PATTERNS
from webapp.views.text.number_format import decimal, locale, number
from webapp.views.text.translations import gettext

_WORDS = re.compile(r"%\((\w+)\)s")
_NUMBER, _SIZE = r"\d{1,3}(?:,\d{3})*|\d+", r"[\d,]+(?:\.\d)? (?:bytes?|[kMGT]B)"
_KINDS = {"count": _NUMBER, "left": _NUMBER, "size": _SIZE, "whole": _SIZE, "memory": _SIZE}
_SAID_HERE_TOO = frozenset({"what", "why", "reason"})


def translated(text: str) -> str:
    """Return a text that was written in English in the reader's language, as far as it is known.

    Templates must not say ``_(variable)``: that would mark somebody's text as safe markup.
    """
    if not text or locale().language == "en":
        return text
    whole = str(gettext(text))
    return whole if whole != text else _filled(text)


def diagnostic_text(note: Mapping[str, Any]) -> str:
    """Return a warning or an error in the reader's language: by its key if the catalogue has that, else by its text."""
    key, parameters = str(note.get("key", "")), note.get("parameters") or {}
    ours = str(gettext(key)) if key else ""
    if ours == key:
        return translated(str(note.get("text", "")))
    try:
        return ours % parameters
    except (KeyError, ValueError, TypeError):  # what fills it in was written by a job type, at another time
        return translated(str(note.get("text", "")))


def _filled(text: str) -> str:
    recognised = _recognised(text)
    if recognised is None:
        return _listed(text)
    pattern, found = recognised
    return str(gettext(pattern)) % {name: _value(name, value) for name, value in found.items()}


def _listed(text: str) -> str:
    parts = text.split(", ")
    return ", ".join(map(_filled, parts)) if len(parts) > 1 and all(map(_recognised, parts)) else text


@lru_cache(4096)
def _recognised(text: str) -> tuple[str, Mapping[str, str]] | None:
    """Return the pattern that a sentence follows, and what fills it in; lists say the same ones over and over."""
    for pattern, expression in _expressions().items():
        if found := expression.fullmatch(text):
            return pattern, found.groupdict()
    return None


def _value(name: str, value: str) -> str:
    if name in _SAID_HERE_TOO:
        whole = translated(value)
        return whole if whole != value else ", ".join(map(translated, value.split(", ")))
    if _KINDS.get(name) == _SIZE:
        amount, unit = value.split(" ")
        plain = float(amount.replace(",", ""))
        return f"{decimal(plain) if '.' in amount else number(plain)} {unit}"
    return number(int(value.replace(",", ""))) if re.fullmatch(_NUMBER, value) else value


@cache
def _expressions() -> dict[str, re.Pattern[str]]:
    return {pattern: re.compile(_expression(pattern), re.DOTALL) for pattern in PATTERNS}


def _expression(pattern: str) -> str:
    fixed, names = _WORDS.split(pattern)[::2], _WORDS.findall(pattern)
    parts = [
        re.escape(fixed[0]),
        *(
            f"(?P<{name}>{_KINDS.get(name, '.+?')}){re.escape(rest)}"
            for name, rest in zip(names, fixed[1:], strict=True)
        ),
    ]
    return "".join(parts)
