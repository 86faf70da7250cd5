"""Everything that keeps people out, in the order in which a request meets it."""

from flask import Flask

from webapp.config import Settings
from webapp.views.security import csrf, default_deny, headers, hosts, login, throttle


def init_app(app: Flask, settings: Settings) -> None:
    """Guard every route of the application, also those that are added later."""
    headers.init_app(app, settings)
    hosts.init_app(app, settings)
    login.init_app(app, settings)
    default_deny.init_app(app)
    csrf.init_app(app)
    throttle.init_app(app, settings)
