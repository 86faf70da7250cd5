"""Caches the HTML of list rows: most rows of a polled list do not change.

The HTML depends on the `JobRow`, the language, the base URL and the template version only.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from uuid import UUID

from flask import Flask, current_app, url_for
from markupsafe import Markup

from webapp.views.job_list.folded_rows import ListRow
from webapp.views.page.assets import template_version
from webapp.views.text.translations import language

_NO_JOB = UUID(int=0)
_CACHED_ROWS = 2000  # about a kilobyte each


def init_app(app: Flask) -> None:
    """Give templates ``rows(jobs)``."""
    app.jinja_env.globals["rows"] = rows


def rows(jobs: Iterable[ListRow]) -> Markup:
    """Return the rows of the table as HTML; a deleted job keeps its place."""
    base_url = url_for("jobs.show", job_id=_NO_JOB).removesuffix(str(_NO_JOB))  # once instead of for each row
    key = (base_url, language(), template_version())
    return Markup().join(_html(job, *key) for job in jobs)


def clear() -> None:
    """Empty the cache, so that a benchmark can measure the first view."""
    _html.cache_clear()


@lru_cache(_CACHED_ROWS)
def _html(job: ListRow, base_url: str, _language: str, _version: str) -> Markup:
    macros: Any = current_app.jinja_env.get_template("job_list/_row.html").module
    html: Markup = macros.row(job, base_url)
    return html
