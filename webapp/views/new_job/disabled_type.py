"""Shows why a job type is disabled in place of its form."""

from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.views.page.request import job_policy, services

_FORM_ENDPOINT = "start.form"


def init_app(app: Flask) -> None:
    """Check every request for a form."""
    app.before_request(_show_disabled_type)


def _show_disabled_type() -> ResponseReturnValue | None:
    if request.endpoint != _FORM_ENDPOINT or request.method != "GET" or not current_user.is_authenticated:
        return None
    name = (request.view_args or {}).get("type_name", "")
    disabled = services().disabled_types.all().get(name)
    registry = services().registry
    if disabled is None or name not in registry or not job_policy().may_start(name):
        return None
    return render_template("new_job/disabled_type.html", job_type=registry.get(name), disabled=disabled)
