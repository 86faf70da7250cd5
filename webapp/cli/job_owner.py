"""Whose a new job is: one of a person who may start it, or of the system."""

from webapp.cli.context import services
from webapp.cli.errors import BadUsage
from webapp.jobs.model.job import Owner


def owner_of(person: str | None, type_name: str, *, public: bool = True) -> Owner:
    """Return the owner for ``--as``; None is the system."""
    if person is None:
        return Owner(public=public)
    found = services().accounts.by_name(person)
    if found is None or not found.active:
        raise BadUsage(f"There is no active account named {person}. See `deskjob user list`.")
    kind = services().registry.get(type_name)
    if not kind.may_be_started_by(found.role):
        raise BadUsage(f"{person} may not start {type_name}: it is for {', '.join(sorted(kind.roles))}.")
    return Owner(user_id=found.id, tenant=found.tenant)
