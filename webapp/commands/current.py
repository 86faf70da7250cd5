"""The application that a command works with."""

from functools import cache

from flask import Flask

from webapp.app import create_app
from webapp.services import Services


@cache
def app() -> Flask:
    """Build the application once, when a command first needs it: ``--help`` needs none."""
    return create_app()


def services() -> Services:
    """Return its services."""
    found: Services = app().extensions["deskjob"]
    return found
