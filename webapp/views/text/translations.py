"""`gettext` and `ngettext` in the language of the request, faster than Flask-Babel's.

A list of jobs has five hundred texts, and Flask-Babel reads four context variables for each to find
the language. This module reads one, and loads each catalogue once per process.
"""

from collections.abc import Callable
from typing import Any, cast

from babel.support import NullTranslations
from flask import g
from flask_babel import get_locale
from flask_babel.speaklater import LazyString
from markupsafe import Markup, escape

from webapp.catalogues import catalogue

# the object that `g` stands for: each attribute of `g` itself takes twenty times as long
_values: Callable[[], Any] = cast(Any, g)._get_current_object  # noqa: SLF001  (how Werkzeug unwraps a proxy)


def gettext(text: str, /, **variables: Any) -> str:
    """Translate a text and fill in the variables."""
    found: str = translations().ugettext(text)
    return found % variables if variables else found


def ngettext(singular: str, plural: str, num: int, /, **variables: Any) -> str:
    """Translate the form for ``num``, which is available as ``%(num)s``."""
    found: str = translations().ungettext(singular, plural, num)
    return found % {"num": num, **variables}


def lazy_gettext(text: str, /, **variables: Any) -> LazyString:
    """Return a text that is translated only when it is used."""
    return LazyString(gettext, text, **variables)


def gettext_markup(text: str, /, **variables: Any) -> Markup:
    """Translate for a template: the text itself can be markup, the variables are escaped."""
    found = translations().ugettext(text)
    # all at once: Markup's own % wraps each variable first, which takes three times as long
    return Markup(found % {name: escape(value) for name, value in variables.items()})  # noqa: S704


def translations() -> NullTranslations:
    """Return the catalogue of this request's language; an empty one outside of an application."""
    chosen = language()
    return catalogue(chosen) if chosen else NullTranslations()


def language() -> str:
    """Return the language of this request: ``en``, ``de``; empty outside of an application."""
    try:
        known = _values()._flask_babel.babel_locale  # noqa: SLF001  (where Flask-Babel keeps it, also while it is forced)
    except (AttributeError, RuntimeError):
        known = get_locale()
    return known.language if known else ""
