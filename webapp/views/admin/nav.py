"""The navigation of the admin pages, and the template helpers that these pages share."""

from collections.abc import Iterable
from dataclasses import dataclass

from flask import Flask, current_app, request

from webapp.accounts.permissions import Right
from webapp.views.page.permissions import may
from webapp.views.text.number_format import decimal, number
from webapp.views.text.translations import lazy_gettext


@dataclass(frozen=True, slots=True)
class NavLink:
    """A link of the navigation; it is current on every page of its blueprint."""

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
    NavLink(lazy_gettext("Groups"), "groups.index"),
    NavLink(lazy_gettext("Budgets"), "budgets.index"),
    NavLink(lazy_gettext("API tokens"), "tokens.index"),
    NavLink(lazy_gettext("Notifications"), "all_notifications.index"),
    NavLink(lazy_gettext("Webhooks"), "webhooks.index"),
    NavLink(lazy_gettext("Audit log"), "audit.index", Right.READ_AUDIT),
    NavLink(lazy_gettext("System"), "system.index"),
)


def init_app(app: Flask) -> None:
    """Add ``admin_links()`` and ``page_exists(endpoint)``, and filters for numbers and lists, to the templates."""
    app.jinja_env.globals.update(admin_links=visible_links, page_exists=_page_exists)
    app.jinja_env.filters.update(thousands=number, decimal=decimal, merged=_merge_names)


def visible_links() -> tuple[NavLink, ...]:
    """Return the links to existing pages that the signed-in user may see."""
    return tuple(link for link in LINKS if _page_exists(link.endpoint) and may(link.right))


def _page_exists(endpoint: str) -> bool:
    return endpoint in current_app.view_functions


def _merge_names(first: Iterable[str], second: Iterable[str]) -> list[str]:
    """Join two lists of names in order, without duplicates."""
    return list(dict.fromkeys((*first, *second)))
