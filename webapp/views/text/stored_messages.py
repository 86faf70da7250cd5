"""Translates messages that were stored in English.

The engine, the accounts and the job types do not know who will read a message, so they store plain
English. A text that is in the catalogue (a job type's title) is looked up; a sentence with values
filled in is recognised by its pattern in `engine_messages`. The catalogues of job types come first
(`author_catalogues`). Unknown texts are shown as they are.
"""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from webapp.views.text import author_catalogues
from webapp.views.text.author_catalogues import author_gettext
from webapp.views.text.engine_messages import PATTERNS
from webapp.views.text.number_format import decimal, locale, number
from webapp.views.text.translations import gettext

_WORDS = re.compile(r"%\((\w+)\)s")
_NUMBER, _SIZE = r"\d{1,3}(?:,\d{3})*|\d+", r"[\d,]+(?:\.\d)? (?:bytes?|[kMGT]B)"
_KINDS = {"count": _NUMBER, "left": _NUMBER, "size": _SIZE, "whole": _SIZE, "memory": _SIZE}
_TRANSLATED_VALUES = frozenset({"what", "why", "reason"})


def translated(text: str) -> str:
    """Translate a stored English text if the catalogue knows it.

    Templates must not use ``_(variable)``: it would mark user text as safe markup.
    """
    if not text:
        return text
    if (own := author_gettext(text)) != text:
        return own
    if (sentence := _author_sentence(text)) is not None:
        return sentence
    if locale().language == "en":
        return text
    whole = str(gettext(text))
    if whole != text or (whole := _filled(text)) != text:
        return whole
    return _named_after_a_file(text)


def _named_after_a_file(text: str) -> str:
    """Translate the title of a job with the name of its file: "Dataset report: planes.csv"."""
    title, colon, name = text.partition(": ")
    return f"{translated(title)}{colon}{name}" if colon and title else text


def diagnostic_text(note: Mapping[str, Any]) -> str:
    """Translate a warning or error: by its key if the catalogue has it, else by its text."""
    key, parameters = str(note.get("key", "")), note.get("parameters") or {}
    ours = _translated_key(key) if key else ""
    if ours == key:
        return translated(str(note.get("text", "")))
    try:
        return ours % parameters
    except (KeyError, ValueError, TypeError):  # the parameters were written by another version of the job type
        return translated(str(note.get("text", "")))


def _translated_key(key: str) -> str:
    own = author_gettext(key)
    return own if own != key else str(gettext(key))


def _author_sentence(text: str) -> str | None:
    for pattern in author_catalogues.patterns(locale().language):
        if found := _pattern_expression(pattern).fullmatch(text):
            values = {name: _value(name, value) for name, value in found.groupdict().items()}
            try:
                return author_gettext(pattern) % values
            except (KeyError, ValueError, TypeError):  # the translator has changed a placeholder
                return None
    return None


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
    """Return the pattern that a sentence matches, and its values; cached, because lists repeat sentences."""
    for pattern, expression in _expressions().items():
        if found := expression.fullmatch(text):
            return pattern, found.groupdict()
    return None


def _value(name: str, value: str) -> str:
    if name in _TRANSLATED_VALUES:
        whole = translated(value)
        return whole if whole != value else ", ".join(map(translated, value.split(", ")))
    if _KINDS.get(name) == _SIZE:
        amount, unit = value.split(" ")
        plain = float(amount.replace(",", ""))
        return f"{decimal(plain) if '.' in amount else number(plain)} {unit}"
    return number(int(value.replace(",", ""))) if re.fullmatch(_NUMBER, value) else value


@cache
def _pattern_expression(pattern: str) -> re.Pattern[str]:
    return re.compile(_expression(pattern), re.DOTALL)


@cache
def _expressions() -> dict[str, re.Pattern[str]]:
    return {pattern: re.compile(_expression(pattern), re.DOTALL) for pattern in PATTERNS}


def _expression(pattern: str) -> str:
    fixed, names = _WORDS.split(pattern)[::2], _WORDS.findall(pattern)
    parts = [re.escape(fixed[0])]
    for place, (name, rest) in enumerate(zip(names, fixed[1:], strict=True)):
        value = f"(?P={name})" if name in names[:place] else f"(?P<{name}>{_KINDS.get(name, '.+?')})"
        parts.append(f"{value}{re.escape(rest)}")
    return "".join(parts)
