"""User and Role, as plain values. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """What a person may do; each role may do what the ones before it may, the auditor only looks."""

    USER = "user"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    ADMIN = "admin"

    @property
    def sees_all(self) -> bool:
        """Whether other people's jobs are shown too."""
        return self is not Role.USER


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person with an account. ``theme`` is system, light or dark; ``timezone`` empty = the installation's.

    ``language`` empty = what the browser asks for; ``notify`` is of which ended jobs they want a notice.
    ``imported_by`` is the id of the import that made the account, if one did.
    """

    id: UUID
    name: str
    role: Role
    created_at: datetime
    full_name: str = ""
    email: str | None = None
    active: bool = True
    tenant: str | None = None
    theme: str = "system"
    timezone: str = ""
    language: str = ""
    live_updates: bool = True
    notify: str = "always"
    imported_by: UUID | None = None
    password_is_temporary: bool = False

    @property
    def display_name(self) -> str:
        """What other people read."""
        return self.full_name or self.name
