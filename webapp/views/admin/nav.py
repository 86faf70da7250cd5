"""The way around the pages of an installation: those that there are, and that this person may see.

What templates of these pages ask for: numbers for people, and whether a page is there.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from flask import Flask, current_app, request

from webapp.accounts.permissions import Right
from webapp.views.page.permissions import may
from webapp.views.text.number_format import decimal, number
from webapp.views.text.translations import lazy_gettext


@dataclass(frozen=True, slots=True)
class NavLink:
    """One link; all pages of its blueprint count as being there."""

    label: str
    endpoint: str
    right: Right = Right.SEE_INSTALLATION

    @property
    def is_current(self) -> bool:
        """Whether this request is for one of its pages."""
        return request.blueprint == self.endpoint.partition(".")[0]


LINKS = (
    NavLink(lazy_gettext("Overview"), "admin.index"),
    NavLink(lazy_gettext("All jobs"), "admin_jobs.index"),
    NavLink(lazy_gettext("Errors"), "admin_errors.index"),
    NavLink(lazy_gettext("Queues"), "queues.index"),
    NavLink(lazy_gettext("Workers"), "workers.index"),
    NavLink(lazy_gettext("Schedules"), "schedules.index"),
    NavLink(lazy_gettext("Performance"), "performance.index"),
    NavLink(lazy_gettext("Job types"), "types.index"),
    NavLink(lazy_gettext("Users"), "users.index"),
    NavLink(lazy_gettext("Audit log"), "audit.index", Right.READ_AUDIT),
    NavLink(lazy_gettext("System"), "system.index"),
)


def visible_links() -> tuple[NavLink, ...]:
    """Return the links that lead somewhere for the signed-in person."""
    known = current_app.view_functions
    return tuple(entry for entry in LINKS if entry.endpoint in known and may(entry.right))


def init_app(app: Flask) -> None:
    """Give templates ``admin_links()`` and ``page_exists(endpoint)``, and filters for numbers and lists."""
    app.jinja_env.globals.update(admin_links=visible_links, page_exists=_page_exists)
    app.jinja_env.filters.update(thousands=number, decimal=decimal, merged=_merged)


def _page_exists(endpoint: str) -> bool:
    return endpoint in current_app.view_functions


def _merged(some: Iterable[str], others: Iterable[str]) -> list[str]:
    """Join names, each once, in order."""
    return list(dict.fromkeys((*some, *others)))
