"""The last admin stays: without one, nobody could let anybody in again."""

from sqlalchemy import Connection, select

from webapp.accounts.rules import BadAccount, folded
from webapp.accounts.user import Role
from webapp.schema import users


class LastAdmin(BadAccount):
    """There is always an admin who can sign in."""

    def __init__(self, name: str) -> None:
        """Name who it is."""
        super().__init__(
            f"{name} is the last admin, and nobody could let anybody in again. Make somebody else an admin first."
        )


def refuse(connection: Connection, name: str) -> None:
    """Raise `LastAdmin` if nobody else is an active admin of the whole installation; others who ask wait."""
    admins = select(users.c.name).where(users.c.role == Role.ADMIN.value, users.c.active, users.c.tenant.is_(None))
    if connection.execute(admins.order_by(users.c.id).with_for_update()).scalars().all() == [folded(name)]:
        raise LastAdmin(name)
