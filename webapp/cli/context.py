"""The application and the services of a command, built when they are first needed."""

from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import create_engine

from webapp.config import load
from webapp.db.engine import engine_options
from webapp.services import Services

if TYPE_CHECKING:
    from flask import Flask


@cache
def app() -> "Flask":
    """Return the Flask application, for commands that serve pages or migrate."""
    from webapp.app import create_app  # noqa: PLC0415  (the pages take as long to import as everything else)

    return create_app()


@cache
def opened() -> Services:
    """Build the services without the pages. Tests replace this function."""
    settings = load()
    return Services(settings, create_engine(settings.database, **engine_options(settings.database)))


def services() -> Services:
    """Return the services. Commands import this function, so it looks `opened` up again on each call."""
    return opened()
