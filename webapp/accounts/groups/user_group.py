"""A group of users and its members as plain values, and what can be wrong with a change of them."""

from dataclasses import dataclass
from uuid import UUID

from webapp.accounts.validation import BadAccount


class GroupNotFound(Exception):
    """Raised when there is no such group."""

    def __init__(self, reference: object) -> None:
        """Create the message for this id or name."""
        super().__init__(f"There is no group {reference}.")


class GroupTaken(BadAccount):
    """Raised when another group already has the name."""

    def __init__(self, name: str) -> None:
        """Create the message for this name."""
        super().__init__(f"A group named {name} already exists.")


class GroupInUse(BadAccount):
    """Raised when a group with job types would be removed: everybody could start them then."""

    def __init__(self, name: str) -> None:
        """Create the message for this group."""
        super().__init__(f"Job types are only for {name}. Choose other groups for them, or none, before you remove it.")


class NoTypeForGroups(BadAccount):
    """Raised when a group should get a job type that does not exist, or that nobody starts by hand."""

    def __init__(self, name: str) -> None:
        """Create the message for this type."""
        super().__init__(f"There is no job type {name} that can be for a group.")


class NotAMember(BadAccount):
    """Raised when somebody to remove from a group is not in it."""

    def __init__(self, user: str, group: str) -> None:
        """Create the message for these two."""
        super().__init__(f"{user} does not belong to {group}.")


class MemberBySignOn(BadAccount):
    """Raised when somebody to remove from a group would be added again at the next sign-in."""

    def __init__(self, user: str, group: str) -> None:
        """Create the message for these two."""
        super().__init__(f"The sign-in service says that {user} belongs to {group}. Change it there.")


@dataclass(frozen=True, slots=True, kw_only=True)
class UserGroup:
    """A group: its number of members, and the names of the job types that are only for them and other groups."""

    id: UUID
    name: str
    description: str
    members: int
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMember:
    """A member of a group; unless ``by_hand``, single sign-on alone says so."""

    id: UUID
    name: str
    full_name: str
    by_hand: bool

    @property
    def display_name(self) -> str:
        """The name that other users see."""
        return self.full_name or self.name
