"""Accounts and API tokens of another installation, as far as the account of the token sees them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from webapp.accounts.user import Role, User
from webapp.cli.command_group import Failed
from webapp.cli.remote.connection import Connection, RemoteRefusal
from webapp.cli.remote.documents import Record, record_of, user_of
from webapp.cli.remote.jobs import PAGE


class RemoteAccounts:
    """Finds, adds and changes accounts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._own: User | None = None

    def own(self) -> User:
        """Return the account of the token."""
        if self._own is None:
            self._own = user_of(self._connection.get("/me")["user"])
        return self._own

    def get(self, user_id: UUID) -> User | None:
        """Return the account of this id, or None."""
        own = self.own()
        if own.id == user_id:
            return own
        try:
            return user_of(self._connection.get(f"/users/{user_id}"))
        except Failed:  # the account sees no others
            return None

    def by_name(self, name: str) -> User | None:
        """Return the account of this name, or None."""
        own = self.own()
        if own.name == name.casefold():
            return user_of(self._connection.get("/me")["user"])
        try:
            return next((user for user in self._search(name) if user.name == name.casefold()), None)
        except Failed:
            return None

    def all(self) -> tuple[User, ...]:
        """Return the accounts that the account of the token sees."""
        return self.page()

    def page(self, search: str = "", *, limit: int = 100_000) -> tuple[User, ...]:
        """Return the accounts that match a search, by name."""
        return tuple(islice(self._search(search), limit))

    def name_of(self, user_id: UUID) -> str:
        """Return the name of an account; its id if it cannot be seen."""
        user = self.get(user_id)
        return user.name if user else str(user_id)

    def add(self, name: str, password: str, *, role: Role, temporary: bool, **details: Any) -> User:
        """Add a user."""
        return self._add(name, role, details, password=password, temporary=temporary)

    def add_service(self, name: str, *, role: Role, **details: Any) -> User:
        """Add a service account."""
        return self._add(name, role, details, service=True)

    def set_role(self, name: str, role: str) -> None:
        """Change the role of a user."""
        self._change(name, "role", {"role": role})

    def disable(self, name: str) -> None:
        """Disable an account."""
        self._change(name, "disable")

    def enable(self, name: str) -> None:
        """Enable an account."""
        self._change(name, "enable")

    def set_password(self, name: str, password: str, *, temporary: bool) -> None:
        """Give a user a password."""
        self._change(name, "password", {"password": password, "temporary": temporary})

    def _add(self, name: str, role: Role, details: Mapping[str, Any], **further: Any) -> User:
        given = {key: value for key, value in details.items() if value}
        with _accounts_refusal():
            return user_of(self._connection.send("POST", "/users", {"name": name, "role": role, **given, **further}))

    def _change(self, name: str, verb: str, body: Any = None) -> None:
        user = self.by_name(name)
        if user is None:
            raise Failed(f"There is no account named {name}.")
        with _accounts_refusal():
            self._connection.send("POST", f"/users/{user.id}/{verb}", body)

    def _search(self, text: str) -> Iterator[User]:
        return map(user_of, self._connection.items("/users", q=text, limit=PAGE))


class RemoteSecondFactors:
    """Removes the second factors of users."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def switch_off_for(self, user_id: UUID) -> None:
        """Remove the second factor of a user who has lost it."""
        with _accounts_refusal():
            self._connection.send("POST", f"/users/{user_id}/remove-second-factor")


class RemoteTokens:
    """Lists, adds and revokes API tokens."""

    def __init__(self, connection: Connection, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._now = now

    def add(
        self,
        user: User,
        name: str,
        scopes: Sequence[str],
        *,
        lasts: timedelta | None = None,
        expires_at: datetime | None = None,
    ) -> tuple[Record, str]:
        """Create a token; return it and its text."""
        end = {"expires_at": expires_at} if expires_at else {"lasts": lasts and lasts.total_seconds()}
        with _accounts_refusal():
            document = self._connection.send(
                "POST", "/tokens", {"name": name, "user": user.name, "scopes": list(scopes), **end}
            )
        return _token(document), document["token"]

    def all(self, limit: int) -> tuple[Record, ...]:
        """Return the newest tokens that the account of the token sees."""
        return tuple(map(_token, islice(self._connection.items("/tokens", limit=PAGE), limit)))

    def get(self, token_id: UUID) -> Record:
        """Return a token."""
        return next(token for token in self.all(100_000) if token.id == token_id)

    def find_active(self, reference: str) -> tuple[Record, ...]:
        """Return the tokens that are not revoked and have this id, prefix or name, the newest first."""
        return tuple(
            token
            for token in self.all(100_000)
            if token.revoked_at is None and reference in {token.name, token.prefix, str(token.id)}
        )

    def revoke(self, token_id: UUID) -> None:
        """Revoke a token permanently."""
        self._connection.send("POST", f"/tokens/{token_id}/revoke")


def _token(document: Mapping[str, Any]) -> Record:
    return record_of({name: value for name, value in document.items() if name not in {"user", "token"}})


@contextmanager
def _accounts_refusal() -> Iterator[None]:
    """Refuse as commands on the machine do: a mistake about an account has the exit status 1."""
    try:
        yield
    except RemoteRefusal as error:
        raise Failed(" ".join(error.errors.values()) or error.detail) from None
