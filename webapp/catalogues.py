"""The catalogues of translations, one per language and process: of pages, reports and messages."""

from functools import cache
from pathlib import Path

from babel import Locale
from babel.support import NullTranslations, Translations

CATALOGUES = Path(__file__).parent / "translations"


@cache
def catalogue(language: str) -> NullTranslations:
    """Return the catalogue of a language, such as ``de``; English texts are their own translation."""
    return Translations.load(CATALOGUES, [Locale.parse(language)])
