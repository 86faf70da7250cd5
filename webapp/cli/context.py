"""The application and the services of a command, imported and built when its body first needs them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, cast

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

    options = engine_options(settings.database, pooled=settings.database_pooled)
    return Services(settings, create_engine(settings.database, **options))


_server: list[Services] = []  # the installation that --server names, if it does


def use_server(server: str, token: str) -> None:
    """Let commands work against another installation from now on."""
    from webapp.cli.remote.services import RemoteServices

    _server[:] = [cast("Services", RemoteServices(server, token))]


def use_own_installation() -> None:
    """Let commands work against this installation, which is the default."""
    _server.clear()


def is_remote() -> bool:
    """Whether commands work against another installation."""
    return bool(_server)


def services() -> Services:
    """Return the services. Commands import this function, so it looks `opened` up again on each call."""
    return _server[0] if _server else opened()
