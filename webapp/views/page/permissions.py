"""Permissions on pages: views require a right, templates ask whether to offer a button.

A page that the user is not allowed to see answers 404. A user who sees a page but lacks the right
to act gets 403 with the reason; the page shows the button disabled with the same reason.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Blueprint, Flask, abort
from flask.typing import ResponseReturnValue

from webapp.accounts import permissions
from webapp.accounts.permissions import Reason, Right
from webapp.views.page.request import services, signed_in, viewer
from webapp.views.text.translations import lazy_gettext

P = ParamSpec("P")
R = TypeVar("R", bound=ResponseReturnValue)
_SEEING = frozenset({Right.SEE_ALL_JOBS, Right.SEE_INSTALLATION, Right.READ_AUDIT})
_SENTENCES = {
    Reason.ONLY_OPERATORS: lazy_gettext("Only operators and admins can do this."),
    Reason.ONLY_ADMINS: lazy_gettext("Only admins can do this."),
    Reason.NOT_IN_A_TENANT: lazy_gettext("Users who belong to a tenant cannot do this."),
}


def init_app(app: Flask) -> None:
    """Give templates ``Right``, ``may(right)`` and ``refusal(right)``."""
    app.jinja_env.globals.update(Right=Right, may=may, refusal=refusal)


def may(right: Right) -> bool:
    """Whether the signed-in user holds the right."""
    return permissions.may(signed_in(), right)


def home_endpoint() -> str:
    """Return the page on which the signed-in user lands.

    That is the overview for those who look after the installation, the job types for those who have no job yet, and
    the list of jobs for all others.
    """
    if may(Right.SEE_INSTALLATION):
        return "admin.index"
    return "jobs.index" if services().queries.jobs.owns_any(viewer()) else "start.catalogue"


def refusal(right: Right) -> str:
    """Return why the signed-in user lacks the right, translated; empty if the user holds it."""
    reason = permissions.refusal(signed_in(), right)
    return str(_SENTENCES[reason]) if reason else ""


def demand(right: Right) -> None:
    """Abort unless the user holds the right: 404, or 403 with the reason if the user sees the page."""
    if may(right):
        return
    if right in _SEEING or not may(Right.SEE_INSTALLATION):
        abort(404)
    abort(403, refusal(right))


def require(right: Right) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Require a right for a view; place it below the route decorator."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            demand(right)
            return view(*args, **kwargs)

        return guarded

    return decorate


def require_for_all(bp: Blueprint, right: Right) -> None:
    """Require a right for every view of a blueprint."""
    bp.before_request(lambda: demand(right))


def can_add_own_schedules() -> bool:
    """Return whether the signed-in user can add schedules of their own; admins always can."""
    return services().settings.own_schedules > 0 or may(Right.EDIT_SCHEDULES)
