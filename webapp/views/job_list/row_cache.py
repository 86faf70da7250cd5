"""A row of a list of jobs as HTML, kept: a list that is asked for again and again mostly shows the same rows.

What a row says is all in its `JobRow`, so that the same one gives the same HTML, in one language and below one address.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from uuid import UUID

from flask import Flask, current_app, url_for
from markupsafe import Markup

from webapp.views.job_list.row import DeletedRow, JobRow
from webapp.views.page.assets import template_version
from webapp.views.text.translations import language

_NO_JOB = UUID(int=0)
_KEPT = 2000  # rows, of about a kilobyte each


def init_app(app: Flask) -> None:
    """Give templates ``rows(jobs)``."""
    app.jinja_env.globals["rows"] = rows


def rows(jobs: Iterable[JobRow | DeletedRow]) -> Markup:
    """Return the rows of a table; a job that was removed keeps its place."""
    below = url_for("jobs.show", job_id=_NO_JOB).removesuffix(str(_NO_JOB))  # once, not for each of fifty
    here = (below, language(), template_version())
    return Markup().join(_html(job, *here) for job in jobs)


def forget() -> None:
    """Keep no row any more, as in a process that has shown none yet: what a first look costs is measured so."""
    _html.cache_clear()


@lru_cache(_KEPT)
def _html(job: JobRow | DeletedRow, below: str, _language: str, _version: str) -> Markup:
    macros: Any = current_app.jinja_env.get_template("job_list/_row.html").module
    html: Markup = macros.row(job, below)
    return html
