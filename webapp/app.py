"""create_app: configuration, extensions, security, blueprints, error pages."""

from pathlib import Path

from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from htmx_flask import Htmx

from webapp import schema
from webapp.config import Settings, load
from webapp.database import engine_options
from webapp.services import Services
from webapp.version import version
from webapp.views import (
    around,
    assets,
    errors,
    language,
    live,
    new_password,
    not_for_now,
    one_reader,
    pages,
    pauses,
    rights,
    row_html,
    security,
    static_files,
)
from webapp.views.admin import templating
from webapp.views.forms import uploads

ROOT = Path(__file__).parent.parent
db = SQLAlchemy(metadata=schema.metadata)
migrate = Migrate(db=db, directory=str(Path(__file__).parent / "migrations"))


def create_app(settings: Settings | None = None) -> Flask:
    """Build the whole application; ``settings`` come from the environment if not given."""
    settings = settings or load()
    version()  # read now, before any fork: later the files may be newer ones
    app = Flask("webapp", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.config.update(
        SQLALCHEMY_DATABASE_URI=settings.database,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.database),
    )
    db.init_app(app)
    migrate.init_app(app)
    with app.app_context():
        app.extensions["deskjob"] = Services(settings, db.engine)
    _add_pages(app, settings)
    return app


def _add_pages(app: Flask, settings: Settings) -> None:
    one_reader.init_app(app)
    Htmx(app)
    uploads.init_app(app)  # after htmx-flask, whose request class it extends
    assets.init_app(app)
    language.init_app(app)
    errors.init_app(app)
    rights.init_app(app)
    templating.init_app(app)
    around.init_app(app)
    live.init_app(app)
    pauses.init_app(app)
    row_html.init_app(app)
    security.init_app(app, settings)
    static_files.init_app(app, settings)
    new_password.init_app(app)
    not_for_now.init_app(app)
    for blueprint in pages.BLUEPRINTS:
        app.register_blueprint(blueprint)
