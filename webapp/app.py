"""Build the Flask application: configuration, extensions, security, blueprints, error pages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from htmx_flask import Htmx

from webapp import schema
from webapp.api import reference_page
from webapp.config import Settings, load
from webapp.db.engine import engine_options
from webapp.services import Services
from webapp.version import version
from webapp.views import blueprints, compression, security, static_files
from webapp.views.account import forced_password_change, second_factor, time_zone_offer
from webapp.views.admin import nav
from webapp.views.forms import streaming_uploads
from webapp.views.job_list import columns, row_cache, saved_filters
from webapp.views.metrics import request_counts, request_traces
from webapp.views.new_job import disabled_type
from webapp.views.page import (
    address,
    assets,
    error_pages,
    pause_banner,
    permissions,
    polling,
    public_path,
    request,
    topbar,
)
from webapp.views.text import author_catalogues, locale_choice

PACKAGE = Path(__file__).parent
ROOT = PACKAGE if (PACKAGE / "templates").is_dir() else PACKAGE.parent  # installed, or a checkout
db = SQLAlchemy(metadata=schema.metadata)


class Application(Flask):
    """Flask without asynchronous views, for which it examines each function that takes part in a request."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as it is; 17 of them see each request."""
        return func


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application; ``settings`` default to those of the environment."""
    settings = settings or load()
    version()  # read before any fork, because a deploy can replace the files later
    app = Application("webapp", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.config.update(
        SQLALCHEMY_DATABASE_URI=settings.database,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.database, pooled=settings.database_pooled),
    )
    db.init_app(app)
    with app.app_context():
        services = app.extensions["deskjob"] = Services(settings, db.engine).build()
    author_catalogues.register(services.registry)
    _add_pages(app, settings)
    return app


def _add_pages(app: Flask, settings: Settings) -> None:
    compression.init_app(app)
    request.init_app(app)
    address.init_app(app)
    Htmx(app)
    streaming_uploads.init_app(app)  # must follow htmx-flask, whose request class it extends
    assets.init_app(app)
    locale_choice.init_app(app)
    error_pages.init_app(app)
    permissions.init_app(app)
    nav.init_app(app)
    topbar.init_app(app)
    time_zone_offer.init_app(app)
    polling.init_app(app)
    pause_banner.init_app(app)
    row_cache.init_app(app)
    request_traces.init_app(app, settings)
    saved_filters.init_app(app)
    columns.init_app(app)
    security.init_app(app, settings)
    static_files.init_app(app, settings)
    forced_password_change.init_app(app)
    second_factor.init_app(app)
    disabled_type.init_app(app)
    public_path.init_app(app, settings)
    for blueprint in blueprints.BLUEPRINTS:
        app.register_blueprint(blueprint)
    reference_page.register(app)
    request_counts.init_app(app)  # must follow the last route
