"""What templates of these pages ask for: numbers for people, and whether a page is there."""

from collections.abc import Iterable

from flask import Flask, current_app

from webapp.views.admin import nav
from webapp.views.locales import decimal, number


def init_app(app: Flask) -> None:
    """Give templates ``admin_entries()`` and ``there_is(endpoint)``, and filters for numbers and lists."""
    app.jinja_env.globals.update(admin_entries=nav.entries, there_is=_there_is)
    app.jinja_env.filters.update(thousands=number, decimal=decimal, merged=_merged)


def _there_is(endpoint: str) -> bool:
    return endpoint in current_app.view_functions


def _merged(some: Iterable[str], others: Iterable[str]) -> list[str]:
    """Join names, each once, in order."""
    return list(dict.fromkeys((*some, *others)))
