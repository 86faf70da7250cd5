"""A row of a list of jobs as HTML, kept: a list that is asked for again and again mostly shows the same rows.

What a row says is all in its `JobRow`, so that the same one gives the same HTML, in one language and below one address.
"""

from functools import lru_cache

from flask import Flask, current_app, request
from markupsafe import Markup

from webapp.views.assets import template_version
from webapp.views.job_row import Gone, JobRow
from webapp.views.texts import language

_KEPT = 2000  # rows, of about a kilobyte each


def init_app(app: Flask) -> None:
    """Give templates ``row(job)``."""
    app.jinja_env.globals["row"] = row


def row(job: JobRow | Gone) -> Markup:
    """Return a row of the table, or the place of one that was removed."""
    return _html(job, language(), request.script_root, template_version())


@lru_cache(_KEPT)
def _html(job: JobRow | Gone, _language: str, _root: str, _version: str) -> Markup:
    template = current_app.jinja_env.get_template("jobs/_row.html")
    return Markup(template.render(job=job))  # noqa: S704  (the template escapes)
