"""User and Role, as plain values. A password hash never becomes part of a user."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """A user's role; each role includes the rights of the ones before it. Auditors can only read."""

    USER = "user"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    ADMIN = "admin"

    @property
    def sees_all(self) -> bool:
        """Whether the jobs of other users are visible too."""
        return self is not Role.USER


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user account. ``theme`` is system, light or dark; an empty ``timezone`` is the installation's.

    An empty ``language`` is the browser's; ``notify`` says which finished jobs the user is notified of.
    ``imported_by`` is the id of the import job that created the account, if any. A service account (``is_service``)
    has no password: programs act in its name, with API tokens. ``list_columns`` are the columns of the list of jobs,
    separated by commas; empty means the usual ones. Service accounts and users of single sign-on have no password.
    ``favourite_types`` are names of job types, separated by commas. ``seen_until`` is until when the user has marked
    what happened as seen.
    A second factor (``has_second_factor``) is asked for after the password; ``factor_removed_at`` is when somebody else
    removed it, until the user has seen that. ``groups`` are the names of the user's groups, ``types_of_other_groups``
    those of job types that are only for others.
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
    is_service: bool = False
    list_columns: str = ""
    favourite_types: str = ""
    seen_until: datetime | None = None
    has_password: bool = True
    has_second_factor: bool = False
    factor_removed_at: datetime | None = None
    groups: tuple[str, ...] = ()
    types_of_other_groups: tuple[str, ...] = ()

    @property
    def display_name(self) -> str:
        """The name that other users see."""
        return self.full_name or self.name
