"""The language of a page. Every text that people read goes through gettext; English is the source."""

from flask import Flask
from flask_babel import Babel

LANGUAGES = ("en",)
_babel = Babel()


def init_app(app: Flask) -> None:
    """Give templates and views their ``_``."""
    _babel.init_app(app, default_locale=LANGUAGES[0], locale_selector=_chosen)


def _chosen() -> str:
    return LANGUAGES[0]
