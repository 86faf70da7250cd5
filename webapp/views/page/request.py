"""What a request works with: the services, the signed-in user, and one shared database connection.

A page makes a dozen small queries; they share one connection for reading.
"""

from collections.abc import Callable, Iterable
from typing import Any, cast

from flask import Flask, current_app, g, has_request_context, request
from flask_login import current_user

from webapp.accounts.user import User
from webapp.db.engine import sharing_reads
from webapp.jobs.model.job import Owner
from webapp.jobs.model.job_policy import JobPolicy
from webapp.jobs.queries.visible_jobs import Viewer
from webapp.jobs.store import events
from webapp.services import Services
from webapp.user_policy import user_policy, viewer_of


def services() -> Services:
    """Return the services of the application that serves this request."""
    return cast(Services, current_app.extensions["deskjob"])


def signed_in() -> User:
    """Return the signed-in user; only for routes that require a login."""
    known = g.get("_login_user")  # where Flask-Login keeps it, once it is loaded
    return cast(User, current_user._get_current_object() if known is None else known)  # noqa: SLF001


def viewer() -> Viewer:
    """Return what the signed-in user can see."""
    return viewer_of(job_policy())


def job_policy() -> JobPolicy:
    """Return what the signed-in user can see of jobs and do with them, determined once per request."""
    user = signed_in()
    known: tuple[User, JobPolicy] | None = g.get("job_policy")
    if known is None or known[0] is not user:
        known = g.job_policy = (user, user_policy(user, services().registry))
    return known[1]


def wants_fragment() -> bool:
    """Whether htmx asked for a part to insert into the open page."""
    return "HX-Request" in request.headers


def init_app(app: Flask) -> None:
    """Share one read connection per request; streamed responses open their own.

    Jobs that a request creates without an owner belong to the signed-in user.
    """
    app.wsgi_app = _sharing(app.wsgi_app)  # type: ignore[method-assign]
    app.extensions["deskjob"].jobs.signed_in_user = _signed_in_owner


def _signed_in_owner() -> Owner | None:
    return job_policy().owner if has_request_context() and current_user.is_authenticated else None


def _sharing(answer: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    def shared(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        # fields that a request sets end with it: the next request of this thread starts from here
        outer = events.acting_token.set("")
        try:
            with sharing_reads():
                return answer(environ, start_response)
        finally:
            events.acting_token.reset(outer)

    return shared
