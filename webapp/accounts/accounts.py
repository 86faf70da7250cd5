"""Accounts: create users, find them, authenticate them and disable them.

A change that makes a login void (a new password, a disabled account) also ends the user's
sessions, in the same transaction. The last active admin cannot be disabled or given another
role, because nobody could undo that.
"""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, delete, exists, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from webapp.accounts import passwords, validation
from webapp.accounts.user import Role, User
from webapp.accounts.user_rows import COLUMNS, to_user
from webapp.accounts.validation import BadAccount, normalize_name
from webapp.db.case_folding import has_text
from webapp.db.engine import reading, writing
from webapp.schema import now, sessions, users
from webapp.visible_text import without_invisible

_NO_PASSWORD = ""  # no hash: it matches no password


class NameTaken(BadAccount):
    """Raised when another account already has the name."""

    def __init__(self, name: str) -> None:
        """Create the message for this name."""
        super().__init__(f"An account named {name} already exists.")


class NoPassword(BadAccount):
    """Raised when a service account should get a password."""

    def __init__(self, name: str) -> None:
        """Create the message for this account."""
        super().__init__(f"{name} is a service account and has no password. Give it an API token.")


class UserNotFound(Exception):
    """Raised when the account to change does not exist."""

    def __init__(self, name: str) -> None:
        """Create the message for this name."""
        super().__init__(f"There is no account named {name}.")


class Accounts:
    """The accounts of one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def get(self, user_id: UUID) -> User | None:
        """Return the user with this id, including disabled users."""
        row = self._row(users.c.id == user_id)
        return to_user(row) if row else None

    def by_name(self, name: str) -> User | None:
        """Return the user with this name, ignoring case and including disabled users."""
        row = self._row(users.c.name == validation.normalize_name(name))
        return to_user(row) if row else None

    def all(self) -> tuple[User, ...]:
        """Return all users, ordered by name."""
        with reading(self.engine) as connection:
            return tuple(to_user(row) for row in connection.execute(select(*COLUMNS).order_by(users.c.name)).mappings())

    def names(self, ids: Collection[UUID]) -> Mapping[UUID, str]:
        """Return the display names of the users with these ids; unknown ids are left out."""
        if not ids:
            return {}
        with reading(self.engine) as connection:
            found = connection.execute(select(*COLUMNS).where(users.c.id.in_(ids))).mappings()
            return {row["id"]: to_user(row).display_name for row in found}

    def is_empty(self) -> bool:
        """Whether there are no accounts yet, so the first admin must be created."""
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
        """Create an account; raise `BadAccount` or `NameTaken` if a value is invalid.

        The user must change a ``temporary`` password right after signing in.
        """
        passwords.check_strength(password, name)
        return self._insert(
            name=validation.valid_name(name),
            role=validation.valid_role(role).value,
            full_name=validation.valid_full_name(full_name),
            email=validation.valid_email(email),
            tenant=validation.valid_tenant(tenant),
            timezone=validation.valid_timezone(timezone),
            imported_by=imported_by,
            password_hash=passwords.hash_password(password),
            password_is_temporary=temporary,
        )

    def add_service(
        self,
        name: str,
        *,
        role: Role | str = Role.USER,
        full_name: str = "",
        email: str | None = None,
        tenant: str | None = None,
    ) -> User:
        """Create a service account: nobody can sign in with it, and programs use it with API tokens."""
        return self._insert(
            name=validation.valid_name(name),
            role=validation.valid_role(role).value,
            full_name=validation.valid_full_name(full_name),
            email=validation.valid_email(email),
            tenant=validation.valid_tenant(tenant),
            password_hash=_NO_PASSWORD,
            is_service=True,
        )

    def authenticate(self, name: str, password: str) -> User | None:
        """Return the user if name and password match; every failure takes equally long and looks the same."""
        row = self._row(users.c.name == validation.normalize_name(name))
        if not passwords.verify_password(password, row["password_hash"] if row else None):
            return None
        if row is None or not row["active"]:
            return None
        self._renew_hash(row, password)
        return to_user(row)

    def set_password(self, name: str, password: str, *, temporary: bool = False) -> None:
        """Change a password and end the user's sessions; raise `BadAccount` if it is too weak.

        A service account has none: raises `NoPassword`.
        """
        passwords.check_strength(password, name)
        if (user := self.by_name(name)) is not None and user.is_service:
            raise NoPassword(user.name)
        self._change(name, password_hash=passwords.hash_password(password), password_is_temporary=temporary)

    def set_role(self, name: str, role: Role | str) -> None:
        """Change the role, effective from the user's next request; raise `LastAdmin` for the last admin."""
        self._change(name, role=validation.valid_role(role).value)

    def disable(self, name: str) -> None:
        """Disable an account and end its sessions; raise `LastAdmin` for the last admin. Its jobs are kept."""
        self._change(name, active=False)

    def enable(self, name: str) -> None:
        """Enable a disabled account; the user must sign in again."""
        self._change(name, active=True)

    def _row(self, condition: Any) -> RowMapping | None:
        with reading(self.engine) as connection:
            return connection.execute(select(*COLUMNS, users.c.password_hash).where(condition)).mappings().first()

    def _insert(self, *, name: str, **values: Any) -> User:
        try:
            with writing(self.engine) as connection:
                return insert_user(connection, name=name, **values)
        except IntegrityError:
            raise NameTaken(name) from None

    def _change(self, name: str, **values: Any) -> None:
        mine = users.c.name == validation.normalize_name(name)
        with writing(self.engine) as connection:
            if values.get("active", True) is False or values.get("role", Role.ADMIN) != Role.ADMIN:
                refuse_last_admin(connection, name)
            if connection.execute(update(users).where(mine).values(**values)).rowcount == 0:
                raise UserNotFound(name)
            if "role" not in values:  # every request reads the role again
                _end_sessions(connection, mine)

    def _renew_hash(self, row: RowMapping, password: str) -> None:
        if not passwords.needs_rehash(row["password_hash"]):
            return
        unchanged = (users.c.id == row["id"], users.c.password_hash == row["password_hash"])
        renewed = passwords.hash_password(password)
        with writing(self.engine) as connection:
            connection.execute(update(users).where(*unchanged).values(password_hash=renewed))


def insert_user(connection: Connection, **values: Any) -> User:
    """Insert a row and return its user; raises ``IntegrityError`` if the name is taken.

    In ``RETURNING``, the subqueries of `COLUMNS` would read the rows of all users.
    """
    user_id = uuid7()
    connection.execute(insert(users).values(id=user_id, created_at=now(), **values))
    return to_user(connection.execute(select(*COLUMNS).where(users.c.id == user_id)).mappings().one())


def _end_sessions(connection: Connection, condition: Any) -> None:
    connection.execute(delete(sessions).where(sessions.c.user_id.in_(select(users.c.id).where(condition))))


PAGE = 50


class UserDirectory:
    """Searches and lists the users of one database, page by page."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(self, search: str = "", *, after: str = "", limit: int = PAGE) -> tuple[User, ...]:
        """Return users by name, starting after ``after``; ``search`` matches any part of their details."""
        query = select(*COLUMNS).where(users.c.name > after, *_matching(search)).order_by(users.c.name).limit(limit)
        with reading(self._engine) as connection:
            return tuple(to_user(row) for row in connection.execute(query).mappings())


def _matching(search: str) -> list[ColumnElement[bool]]:
    word = without_invisible(search)
    if not word:
        return []
    columns = (users.c.full_name, users.c.email, users.c.tenant, users.c.role)
    name = users.c.name.contains(validation.spelled_name(word), autoescape=True)
    return [or_(name, *(has_text(column, word) for column in columns))]


class LastAdmin(BadAccount):
    """Raised when the change would leave no active admin."""

    def __init__(self, name: str) -> None:
        """Create the message for this admin."""
        super().__init__(f"{name} is the last admin. Make another user an admin first.")


def refuse_last_admin(connection: Connection, name: str) -> None:
    """Raise `LastAdmin` if no other admin without a tenant is active. Locks the rows, so concurrent calls wait."""
    admins = select(users.c.name).where(
        users.c.role == Role.ADMIN.value, users.c.active, users.c.tenant.is_(None), users.c.is_service.is_(False)
    )
    if connection.execute(admins.order_by(users.c.id).with_for_update()).scalars().all() == [normalize_name(name)]:
        raise LastAdmin(name)
