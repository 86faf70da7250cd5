"""The offer of the browser's time zone: shown on every page until the user takes or declines it."""

from flask import Flask, session
from flask_login import current_user

from webapp.views.page.request import services

_KEY = "offered_zone"


def init_app(app: Flask) -> None:
    """Give templates ``offered_zone()`` and ``installation_zone()``."""
    app.jinja_env.globals.update(offered_zone=offered_zone, installation_zone=lambda: services().settings.timezone)


def offer(zone: str) -> None:
    """Offer a time zone in this session."""
    session[_KEY] = zone


def withdraw() -> None:
    """Offer nothing any more."""
    session.pop(_KEY, None)


def offered_zone() -> str:
    """Return the offered time zone; empty if there is none or the user has chosen one."""
    return "" if getattr(current_user, "timezone", "") else str(session.get(_KEY, ""))
