"""Security of every request, in the order in which a request meets it."""

from flask import Flask

from webapp.config import Settings
from webapp.views.security import (
    allowed_hosts,
    bearer_token,
    csrf,
    default_deny,
    headers,
    login,
    login_throttle,
    reauthentication,
    request_id,
    single_sign_on,
    trusted_proxies,
)


def init_app(app: Flask, settings: Settings) -> None:
    """Protect every route of the application, including routes added later."""
    trusted_proxies.init_app(app, settings)
    headers.init_app(app, settings)
    allowed_hosts.init_app(app, settings)
    login.init_app(app, settings)
    single_sign_on.init_app(app, settings)
    reauthentication.init_app(app)
    bearer_token.init_app(app, settings)
    default_deny.init_app(app)
    csrf.init_app(app)
    login_throttle.init_app(app, settings)
    request_id.init_app(app, settings)
