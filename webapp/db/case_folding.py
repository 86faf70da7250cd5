"""Case folding: the form in which spellings of a word are equal, the same in Python, on SQLite and on PostgreSQL.

The databases do not agree: SQLite knows the letters A to Z only, and what PostgreSQL knows depends on its locale. So
both have a function of their own: on SQLite it is `fold_case`, on PostgreSQL a migration (0019) creates it.
"""

import sqlite3
from typing import Any
from unicodedata import normalize

from sqlalchemy import ColumnElement, Text, cast, func, or_

# Turkish has an i with and one without a dot in both cases; a small sigma is written differently at the end of a word
_DOT, _DOTLESS_I = "\N{COMBINING DOT ABOVE}", "\N{LATIN SMALL LETTER DOTLESS I}"
_SIGMA, _LAST_SIGMA = "\N{GREEK SMALL LETTER SIGMA}", "\N{GREEK SMALL LETTER FINAL SIGMA}"


def fold_case(text: str) -> str:
    """Return the form of a text that is compared: small letters, each written in one way."""
    small = text.lower()
    if text.isascii():
        return small
    return small.replace(_DOT, "").replace(_DOTLESS_I, "i").replace(_LAST_SIGMA, _SIGMA)


def has_text(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Return the condition that a column contains a text in any case, with ß for ss, or an ü of two characters."""
    return or_(*(folded(column).contains(spelling, autoescape=True) for spelling in sorted(_spellings(text))))


def _spellings(text: str) -> set[str]:
    small = fold_case(normalize("NFC", text))
    composed = {small, small.replace("ss", "ß"), small.replace("ß", "ss")}
    return composed | {fold_case(normalize("NFD", spelling)) for spelling in composed}  # file names of macOS


def folded(column: ColumnElement[Any]) -> ColumnElement[str]:
    """Return the folded text of a column."""
    return func.deskjob_folded(cast(column, Text), type_=Text)


def add_to_sqlite(connection: sqlite3.Connection) -> None:
    """Register the function for a new connection."""
    connection.create_function("deskjob_folded", 1, _fold_value, deterministic=True)


def _fold_value(value: object) -> str | None:
    return None if value is None else fold_case(str(value))
