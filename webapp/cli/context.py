"""The application and the services of a command, imported and built when its body first needs them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from webapp.services import Services


@cache
def app() -> Flask:
    """Return the Flask application, for commands that serve pages or migrate."""
    from webapp.app import create_app

    return create_app()


@cache
def opened() -> Services:
    """Build the services without the pages. Tests replace this function."""
    from webapp.config import load

    settings = load()  # a bad setting is refused before anything large is imported

    from sqlalchemy import create_engine

    from webapp.db.engine import engine_options
    from webapp.services import Services

    return Services(settings, create_engine(settings.database, **engine_options(settings.database)))


def services() -> Services:
    """Return the services. Commands import this function, so it looks `opened` up again on each call."""
    return opened()
