"""Accounts: add people, find them, check who they are, shut them out.

Whatever makes a login void (a new password, a disabled account) also ends that person's
sessions, in the same transaction.

The directory: people as a list, page by page, to look for somebody.

The last admin stays: without one, nobody could let anybody in again.
"""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, delete, exists, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from webapp.accounts import passwords, validation
from webapp.accounts.user import COLUMNS, Role, User, to_user
from webapp.accounts.validation import BadAccount, normalize_name
from webapp.db.engine import reading, writing
from webapp.schema import now, sessions, users


class NameTaken(BadAccount):
    """Two accounts have two names."""

    def __init__(self, name: str) -> None:
        """Name the name."""
        super().__init__(f"An account named {name} already exists.")


class UserNotFound(Exception):
    """Whom one changes exists."""

    def __init__(self, name: str) -> None:
        """Name who was asked for."""
        super().__init__(f"There is no account named {name}.")


class Accounts:
    """The people of one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def get(self, user_id: UUID) -> User | None:
        """Return the user with this id, also a disabled one."""
        row = self._row(users.c.id == user_id)
        return to_user(row) if row else None

    def by_name(self, name: str) -> User | None:
        """Return the user of this name, also a disabled one; upper and lower case are the same."""
        row = self._row(users.c.name == validation.normalize_name(name))
        return to_user(row) if row else None

    def all(self) -> tuple[User, ...]:
        """Return everybody, by name."""
        with reading(self.engine) as connection:
            return tuple(to_user(row) for row in connection.execute(select(*COLUMNS).order_by(users.c.name)).mappings())

    def names(self, ids: Collection[UUID]) -> Mapping[UUID, str]:
        """Return the display names of those of the ids that are users."""
        if not ids:
            return {}
        with reading(self.engine) as connection:
            found = connection.execute(select(*COLUMNS).where(users.c.id.in_(ids))).mappings()
            return {row["id"]: to_user(row).display_name for row in found}

    def is_empty(self) -> bool:
        """Whether nobody has an account yet, so that the first admin is to be made."""
        with reading(self.engine) as connection:
            return not connection.execute(select(exists(select(users.c.id)))).scalar_one()

    def add(
        self,
        name: str,
        password: str,
        *,
        role: Role | str = Role.USER,
        full_name: str = "",
        email: str | None = None,
        tenant: str | None = None,
        timezone: str = "",
        imported_by: UUID | None = None,
        temporary: bool = False,
    ) -> User:
        """Add a person, or raise `BadAccount` (`NameTaken`) with the reason in a sentence.

        A ``temporary`` password is for one time: its owner has to choose another one first of all.
        """
        passwords.check_strength(password, name)
        return self._insert(
            name=validation.valid_name(name),
            role=validation.valid_role(role).value,
            full_name=validation.valid_full_name(full_name),
            email=validation.valid_email(email),
            tenant=tenant,
            timezone=validation.valid_timezone(timezone),
            imported_by=imported_by,
            password_hash=passwords.hash_password(password),
            password_is_temporary=temporary,
        )

    def authenticate(self, name: str, password: str) -> User | None:
        """Return whose name and password these are; one answer, and one duration, for every "no"."""
        row = self._row(users.c.name == validation.normalize_name(name))
        if not passwords.verify_password(password, row["password_hash"] if row else None):
            return None
        if row is None or not row["active"]:
            return None
        self._renew_hash(row, password)
        return to_user(row)

    def set_password(self, name: str, password: str, *, temporary: bool = False) -> None:
        """Change a password and end the person's sessions; `BadAccount` if it is not good enough."""
        passwords.check_strength(password, name)
        self._change(name, password_hash=passwords.hash_password(password), password_is_temporary=temporary)

    def set_role(self, name: str, role: Role | str) -> None:
        """Change what a person may do, from their next request on; `LastAdmin` if nobody else could undo it."""
        self._change(name, role=validation.valid_role(role).value)

    def disable(self, name: str) -> None:
        """Shut a person out, now; what is theirs stays. The last admin is not (`LastAdmin`)."""
        self._change(name, active=False)

    def enable(self, name: str) -> None:
        """Let a disabled person in again; they have to sign in anew."""
        self._change(name, active=True)

    def _row(self, condition: Any) -> RowMapping | None:
        with reading(self.engine) as connection:
            return connection.execute(select(*COLUMNS, users.c.password_hash).where(condition)).mappings().first()

    def _insert(self, *, name: str, **values: Any) -> User:
        new = insert(users).values(id=uuid7(), name=name, created_at=now(), **values).returning(*COLUMNS)
        try:
            with writing(self.engine) as connection:
                return to_user(connection.execute(new).mappings().one())
        except IntegrityError:
            raise NameTaken(name) from None

    def _change(self, name: str, **values: Any) -> None:
        mine = users.c.name == validation.normalize_name(name)
        with writing(self.engine) as connection:
            if values.get("active", True) is False or values.get("role", Role.ADMIN) != Role.ADMIN:
                refuse_last_admin(connection, name)
            if connection.execute(update(users).where(mine).values(**values)).rowcount == 0:
                raise UserNotFound(name)
            if "role" not in values:  # each request reads it anew
                _end_sessions(connection, mine)

    def _renew_hash(self, row: RowMapping, password: str) -> None:
        if not passwords.needs_rehash(row["password_hash"]):
            return
        unchanged = (users.c.id == row["id"], users.c.password_hash == row["password_hash"])
        renewed = passwords.hash_password(password)
        with writing(self.engine) as connection:
            connection.execute(update(users).where(*unchanged).values(password_hash=renewed))


def _end_sessions(connection: Connection, whose: Any) -> None:
    connection.execute(delete(sessions).where(sessions.c.user_id.in_(select(users.c.id).where(whose))))


PAGE = 50


class UserDirectory:
    """The people of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(self, search: str = "", *, after: str = "", limit: int = PAGE) -> tuple[User, ...]:
        """Return people by name, from behind ``after``; with ``search`` those in whose details it stands."""
        found = select(*COLUMNS).where(users.c.name > after, *_matching(search)).order_by(users.c.name).limit(limit)
        with reading(self._engine) as connection:
            return tuple(to_user(row) for row in connection.execute(found).mappings())


def _matching(search: str) -> list[ColumnElement[bool]]:
    word = search.strip()
    if not word:
        return []
    columns = (users.c.name, users.c.full_name, users.c.email, users.c.tenant, users.c.role)
    return [or_(*(column.icontains(word, autoescape=True) for column in columns))]


class LastAdmin(BadAccount):
    """There is always an admin who can sign in."""

    def __init__(self, name: str) -> None:
        """Name who it is."""
        super().__init__(f"{name} is the last admin. Make another user an admin first.")


def refuse_last_admin(connection: Connection, name: str) -> None:
    """Raise `LastAdmin` if nobody else is an active admin of the whole installation; others who ask wait."""
    admins = select(users.c.name).where(users.c.role == Role.ADMIN.value, users.c.active, users.c.tenant.is_(None))
    if connection.execute(admins.order_by(users.c.id).with_for_update()).scalars().all() == [normalize_name(name)]:
        raise LastAdmin(name)
