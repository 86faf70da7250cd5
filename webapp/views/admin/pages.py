"""All pages of the installation that have their home here."""

from flask import Flask

from webapp.views.admin import audit, errors, jobs, overview, performance, templating


def init_app(app: Flask) -> None:
    """Add them, with what their templates ask for."""
    templating.init_app(app)
    for pages in (overview, jobs, errors, performance, audit):
        app.register_blueprint(pages.bp)
