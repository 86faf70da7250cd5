"""The texts of a page in the language of its reader: `gettext` and `ngettext`, as Flask-Babel has them, only faster.

A list of jobs has five hundred texts, and Flask-Babel asks four context variables for each which
language this is. Here that is one, and the catalogues are read once in a process.
"""

from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale
from babel.support import NullTranslations, Translations
from flask import g
from flask_babel import get_locale
from flask_babel.speaklater import LazyString
from markupsafe import Markup, escape

CATALOGUES = Path(__file__).parent.parent.parent / "translations"


def gettext(text: str, /, **variables: Any) -> str:
    """Return a text in the reader's language, with the variables filled in."""
    found: str = translations().ugettext(text)
    return found % variables if variables else found


def ngettext(one: str, many: str, num: int, /, **variables: Any) -> str:
    """Return the form of a text that fits ``num``, which is ``%(num)s`` in it."""
    found: str = translations().ungettext(one, many, num)
    return found % {"num": num, **variables}


def lazy_gettext(text: str, /, **variables: Any) -> LazyString:
    """Return what is a text only when it is read, in the language of whoever reads it then."""
    return LazyString(gettext, text, **variables)


def gettext_markup(text: str, /, **variables: Any) -> Markup:
    """Return the same for a template: the text is ours and may be markup, what fills it in is escaped."""
    found = translations().ugettext(text)
    # all at once: Markup's own % wraps each variable first, which takes three times as long
    return Markup(found % {name: escape(value) for name, value in variables.items()})  # noqa: S704


def translations() -> NullTranslations:
    """Return the catalogue of this request's language; outside of any application, one that leaves all as it is."""
    chosen = language()
    return _catalogue(chosen) if chosen else NullTranslations()


def language() -> str:
    """Return the language of this request: ``en``, ``de``; empty outside of any application."""
    try:
        known = g._flask_babel.babel_locale  # noqa: SLF001  (where Flask-Babel keeps it, also while it is forced)
    except (AttributeError, RuntimeError):
        known = get_locale()
    return known.language if known else ""


@cache
def _catalogue(language: str) -> NullTranslations:
    return Translations.load(CATALOGUES, [Locale(language)])
