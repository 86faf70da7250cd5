"""Chooses the language of a page: the user's setting, else the browser's, else English.

English is the source language of all texts. Messages that were stored in English are translated
when they are shown (`stored_messages`).
"""

from flask import Flask, Response, g, has_request_context, request
from flask_babel import Babel, refresh
from flask_login import current_user

from webapp.accounts.preferences import Language
from webapp.views.text import translations
from webapp.views.text.stored_messages import translated

SOURCE = Language.ENGLISH
LANGUAGES = tuple(Language)
LANGUAGE_NAMES: dict[str, str] = {Language.ENGLISH: "English", Language.GERMAN: "Deutsch"}  # each in its own language
_HTML = "text/html"


_babel = Babel()


def init_app(app: Flask) -> None:
    """Install gettext for views and templates, and send the language of each page in its headers."""
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = "translations"
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    _babel.init_app(app, default_locale=SOURCE, locale_selector=_chosen)
    app.jinja_env.install_gettext_callables(translations.gettext, translations.ngettext, newstyle=True)  # type: ignore[attr-defined]
    app.jinja_env.globals["_"] = translations.gettext_markup  # one call instead of three
    app.jinja_env.filters["translated"] = translated
    app.jinja_env.globals["page_language"] = translations.language
    app.after_request(_tell)


def forget_user() -> None:
    """Treat this request as anonymous from now on, because the database may be unavailable."""
    g._login_user = None  # noqa: SLF001  (where Flask-Login caches the user)
    refresh()


def _chosen() -> str:
    if not has_request_context():
        return SOURCE
    return getattr(current_user, "language", "") or request.accept_languages.best_match(LANGUAGES) or SOURCE


def _tell(response: Response) -> Response:
    if response.mimetype == _HTML:
        response.headers.setdefault("Content-Language", translations.language())
        response.vary.add("Accept-Language")
    return response
