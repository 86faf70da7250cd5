"""The language of a page: the person's own choice, else what the browser asks for, else English.

English is the source: every text that people read goes through gettext. What was written down
without a reader is translated when it is shown (`written`).
"""

from flask import Flask, Response, g, has_request_context, request
from flask_babel import Babel, refresh
from flask_login import current_user

from webapp.accounts.preferences import Language
from webapp.views.text import translations
from webapp.views.text.stored_messages import translated

SOURCE = Language.ENGLISH
LANGUAGES = tuple(Language)
_HTML = "text/html"


_babel = Babel()


def init_app(app: Flask) -> None:
    """Give templates and views their ``_``, and say in every page's headers which language it has."""
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = "translations"
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    _babel.init_app(app, default_locale=SOURCE, locale_selector=_chosen)
    app.jinja_env.install_gettext_callables(translations.gettext, translations.ngettext, newstyle=True)  # type: ignore[attr-defined]
    app.jinja_env.globals["_"] = translations.gettext_markup  # in one call instead of three
    app.jinja_env.filters["translated"] = translated
    app.jinja_env.globals["page_language"] = translations.language
    app.after_request(_tell)


def forget_user() -> None:
    """Treat this request as a stranger's from here on: the database may not be there to ask who it is."""
    g._login_user = None  # noqa: SLF001  (where Flask-Login keeps it, and looks before it asks)
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
