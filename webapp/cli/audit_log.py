"""The audit of commands: whoever sits at the machine did this."""

from contextlib import AbstractContextManager
from getpass import getuser
from typing import Any

from webapp.accounts.audit_log import Action, Actor, Kind, Line
from webapp.cli.context import services


def audited(action: Action, kind: Kind, object_id: object = "", **details: Any) -> AbstractContextManager[None]:
    """Note what the block changes, together with the change; ``details`` are ``name``, ``before``, ``after``."""
    return services().audit.beside(_line(action, kind, object_id, **details))


def note(action: Action, kind: Kind, object_id: object = "", **details: Any) -> None:
    """Note what is done already."""
    services().audit.note(_line(action, kind, object_id, **details))


def _line(action: Action, kind: Kind, object_id: object, **details: Any) -> Line:
    return Line(actor=_actor(), action=action, kind=kind, id=str(object_id), **details)


def _actor() -> Actor:
    try:
        return Actor(name=f"command line ({getuser()})")
    except (KeyError, OSError):  # a container may run as a number that has no name
        return Actor(name="command line")
