"""What a command works with, built once, when it is first needed: ``--help`` needs nothing."""

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
    """Return the application, with its pages; for those who serve or migrate."""
    from webapp.app import create_app  # noqa: PLC0415  (importing all pages takes as long as all else together)

    return create_app()


@cache
def opened() -> Services:
    """Return the services alone."""
    settings = load()
    return Services(settings, create_engine(settings.database, **engine_options(settings.database)))


def services() -> Services:
    """Return what `opened` does; for those who import this function by its name."""
    return opened()
