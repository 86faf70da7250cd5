"""The audit on pages: who is signed in did this, from this address.

>>> with audited(Action.QUEUE_PAUSE, Kind.QUEUE, name, after={"reason": reason}):
...     services().queues.pause(name, reason=reason, by=signed_in().id)
"""

from contextlib import AbstractContextManager
from typing import Any

from flask import request

from webapp.accounts.audit_log import Action, Actor, Kind, Line
from webapp.accounts.user import User
from webapp.views.page.request import services, signed_in


def audited(action: Action, kind: Kind, object_id: object = "", **details: Any) -> AbstractContextManager[None]:
    """Note what the block changes, together with the change; ``details`` are ``name``, ``before``, ``after``."""
    return services().audit.beside(_line(action, kind, object_id, actor(signed_in()), **details))


def note(action: Action, kind: Kind, object_id: object = "", **details: Any) -> None:
    """Note what is done already, such as a download."""
    services().audit.note(_line(action, kind, object_id, actor(signed_in()), **details))


def audited_by(user: User, action: Action) -> AbstractContextManager[None]:
    """Note what somebody does to themselves who is not signed in yet."""
    return services().audit.beside(_line(action, Kind.USER, user.name, actor(user), name=user.display_name))


def note_refused(action: Action, name: str) -> None:
    """Note what a stranger was refused; ``name`` is that of an account, or empty."""
    services().audit.note(_line(action, Kind.USER, name, actor(None)))


def actor(user: User | None) -> Actor:
    """Return who acts in this request; without a user, somebody unknown at its address."""
    address = request.remote_addr or ""
    if user is None:
        return Actor(name="", address=address)
    return Actor(id=user.id, name=user.name, role=user.role.value, address=address)


def _line(action: Action, kind: Kind, object_id: object, who: Actor, **details: Any) -> Line:
    return Line(actor=who, action=action, kind=kind, id=str(object_id), **details)
