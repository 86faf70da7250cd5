"""The owner of a job that is created without one: the signed-in user in a web request, else the system.

The engine knows no requests: the application passes a function that finds the signed-in user. A handler never acts
for a request, even where a request runs it in its own process.
"""

from collections.abc import Callable
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

from webapp.jobs.model.job import SYSTEM, Owner

FindUser = Callable[[], Owner | None]
T = TypeVar("T")
_in_handler: ContextVar[bool] = ContextVar("in_handler", default=False)


def nobody() -> None:
    """Find no signed-in user: the default outside of web applications."""


def with_owner(owner: Owner | None, choices: dict[str, Any], find_user: FindUser) -> tuple[Owner, dict[str, Any]]:
    """Return the owner of a new job, and its choices; an explicit ``owner`` always wins.

    A job that belongs to the signed-in user was started by that user too.
    """
    if owner is not None:
        return owner, choices
    user = None if _in_handler.get() else find_user()
    return (SYSTEM, choices) if user is None else (user, {"triggered_by": user.user_id, **choices})


def call_handler(handler: Callable[[], T]) -> T:
    """Call a handler in a copy of the context, in which no request is served."""

    def call() -> T:
        _in_handler.set(True)
        return handler()

    return copy_context().run(call)
