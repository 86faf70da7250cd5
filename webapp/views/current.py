"""What a request works with: the services of its application."""

from typing import cast

from flask import current_app

from webapp.services import Services


def services() -> Services:
    """Return the services of the application that serves this request."""
    return cast(Services, current_app.extensions["deskjob"])
