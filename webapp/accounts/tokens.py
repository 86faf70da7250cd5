"""API tokens: programs act with them in the name of a user or of a service account.

A token looks like ``dj_`` and 40 letters and digits, so that scanners find one that was published by mistake. It is
shown once; the row has its SHA-256. It never permits more than its user may do at the time of use: `acting_user`
lowers the role to what the scopes allow, and every check of permissions then works as for a page.
"""

import contextlib
import secrets
import string
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, RowMapping, bindparam, insert, or_, select, update
from uuid_utils.compat import uuid7

from webapp.accounts.recent_tokens import RecentTokens
from webapp.accounts.user import Role, User
from webapp.accounts.user_rows import COLUMNS, to_user
from webapp.accounts.validation import BadAccount
from webapp.db.engine import reading, writing
from webapp.db.prepared_statement import PreparedStatement
from webapp.schema import api_tokens, database_time, later, now, users
from webapp.visible_text import unreadable_character, without_invisible

PREFIX = "dj_"
NAME_LIMIT = 80
MOST_ACTIVE = 100  # tokens of one user
_SECRET_LENGTH = 40
_SHOWN_LENGTH = len(PREFIX) + 6
_ALPHABET = string.ascii_letters + string.digits
_LENGTH = len(PREFIX) + _SECRET_LENGTH
_USE_UPDATE_INTERVAL = timedelta(minutes=1)
_RANK = tuple(Role)
_FIELDS = (
    *("id", "user_id", "name", "prefix", "scopes", "created_at", "created_by"),
    *("expires_at", "revoked_at", "last_used_at", "last_address"),
)
_COLUMNS = tuple(api_tokens.c[name].label(f"token_{name}") for name in _FIELDS)
_OF_HASH = PreparedStatement(  # every request of a program runs it
    select(*COLUMNS, *_COLUMNS, now().label("moment"))
    .join(api_tokens, api_tokens.c.user_id == users.c.id)
    .where(api_tokens.c.token_hash == bindparam("token_hash"))
)


class Scope(StrEnum):
    """What a token permits, at most; its user must have the right too."""

    READ = "read"  # jobs, files and, for roles that see it, the installation
    START = "start"  # start jobs; stop, retry and delete one's own
    OPERATE = "operate"  # everything that an operator can do
    ADMIN = "admin"  # everything that an admin can do
    METRICS = "metrics"  # the figures for a monitoring system, and nothing else


_STRONGEST: Mapping[Scope, Role] = MappingProxyType(
    {
        **dict.fromkeys((Scope.READ, Scope.START, Scope.METRICS), Role.AUDITOR),
        Scope.OPERATE: Role.OPERATOR,
        Scope.ADMIN: Role.ADMIN,
    }
)
_NEEDED: Mapping[Scope, Role] = MappingProxyType(
    {
        **dict.fromkeys((Scope.READ, Scope.START), Role.USER),
        Scope.OPERATE: Role.OPERATOR,
        Scope.ADMIN: Role.ADMIN,
        Scope.METRICS: Role.AUDITOR,
    }
)


class BadToken(BadAccount):
    """Raised when a token cannot be created like this; the message is a sentence for users."""


class TokenNotFound(Exception):
    """Raised when the token to revoke does not exist."""

    def __init__(self, reference: object) -> None:
        """Create the message for this token."""
        super().__init__(f"There is no API token {reference}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A token without its secret; ``prefix`` is its beginning, by which its owner recognises it."""

    id: UUID
    user_id: UUID
    name: str
    prefix: str
    scopes: frozenset[Scope]
    created_at: datetime
    created_by: UUID | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    last_address: str

    def is_active(self, at: datetime) -> bool:
        """Whether the token works at a time, if its user is not disabled."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


class Tokens:
    """The API tokens of one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._recent: RecentTokens[tuple[User, ApiToken]] = RecentTokens()

    def add(
        self,
        user: User,
        name: str,
        scopes: Collection[Scope | str],
        *,
        lasts: timedelta | None = None,
        expires_at: datetime | None = None,
        by: UUID | None = None,
    ) -> tuple[ApiToken, str]:
        """Create a token; return it and its text, which is not stored. Without an end it does not expire.

        Raises `BadToken` for a name or scopes that cannot be used, an end in the past, and a disabled user.
        """
        known = _valid_scopes(user, scopes)
        name = _valid_name(name)
        text = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_LENGTH))
        values: dict[str, Any] = {
            "id": uuid7(),
            "user_id": user.id,
            "name": name,
            "prefix": text[:_SHOWN_LENGTH],
            "token_hash": _hash(text),
            "scopes": ",".join(scope for scope in Scope if scope in known),
            "created_by": by,
        }
        with writing(self.engine) as connection:
            moment = database_time(connection)
            if lasts is not None:
                expires_at = _sum(moment, lasts)
            if expires_at is not None and expires_at <= moment:
                message = "A token cannot expire in the past."
                raise BadToken(message)
            self._refuse_more(connection, user, name)
            connection.execute(insert(api_tokens).values(**values, created_at=moment, expires_at=expires_at))
        return self.get(values["id"]), text

    def find(self, text: str, *, address: str = "") -> tuple[User, ApiToken] | None:
        """Return the user and the token of this text if it works now; the use is stored at most once a minute.

        What others have changed counts within `recent_tokens.SECONDS`.
        """
        if len(text) != _LENGTH or not text.startswith(PREFIX):
            return None
        token_hash = _hash(text)
        return self._recent.find(token_hash, lambda: self._look_up(token_hash, address))

    def _look_up(self, token_hash: bytes, address: str) -> tuple[User, ApiToken] | None:
        with reading(self.engine) as connection:
            row = _OF_HASH.first(connection, {"token_hash": token_hash})
        if row is None or not row["active"]:
            return None
        token = _token(row)
        if not token.is_active(row["moment"]):
            return None
        if token.last_used_at is None or row["moment"] - token.last_used_at >= _USE_UPDATE_INTERVAL:
            self._record_use(token.id, address)
        return to_user(row), token

    def get(self, token_id: UUID) -> ApiToken:
        """Return a token; raise `TokenNotFound`."""
        if found := self._all(api_tokens.c.id == token_id):
            return found[0]
        raise TokenNotFound(token_id)

    def of(self, user_id: UUID) -> tuple[ApiToken, ...]:
        """Return all tokens of a user, the newest first."""
        return self._all(api_tokens.c.user_id == user_id)

    def page(self, user_id: UUID | None = None, *, before: UUID | None = None, limit: int) -> tuple[ApiToken, ...]:
        """Return the newest tokens of a user or of everyone, the newest first: those older than ``before``."""
        mine = [api_tokens.c.user_id == user_id] if user_id else []
        older = [api_tokens.c.id < before] if before else []
        return self._all(*mine, *older, limit=limit)

    def all(self, limit: int = 1000) -> tuple[ApiToken, ...]:
        """Return the newest tokens of all users, the newest first."""
        return self._all(limit=limit)

    def find_active(self, reference: str) -> tuple[ApiToken, ...]:
        """Return the tokens that are not revoked and have this id, prefix or name, the newest first."""
        same = [api_tokens.c.name == reference, api_tokens.c.prefix == reference]
        with contextlib.suppress(ValueError):
            same.append(api_tokens.c.id == UUID(reference))
        return self._all(or_(*same), api_tokens.c.revoked_at.is_(None))

    def revoke(self, token_id: UUID) -> None:
        """Revoke a token permanently; does nothing if it was already revoked."""
        mine = (api_tokens.c.id == token_id, api_tokens.c.revoked_at.is_(None))
        with writing(self.engine) as connection:
            connection.execute(update(api_tokens).where(*mine).values(revoked_at=now()))

    def _all(self, *conditions: Any, limit: int | None = None) -> tuple[ApiToken, ...]:
        query = select(*_COLUMNS).where(*conditions).order_by(api_tokens.c.id.desc()).limit(limit)
        with reading(self.engine) as connection:
            return tuple(_token(row) for row in connection.execute(query).mappings())

    def _record_use(self, token_id: UUID, address: str) -> None:
        unused = or_(
            api_tokens.c.last_used_at.is_(None),
            api_tokens.c.last_used_at <= later(-_USE_UPDATE_INTERVAL.total_seconds()),
        )  # of several requests at once, one writes
        with writing(self.engine) as connection:
            connection.execute(
                update(api_tokens)
                .where(api_tokens.c.id == token_id, unused)
                .values(last_used_at=now(), last_address=address[:64])
            )

    def _refuse_more(self, connection: Any, user: User, name: str) -> None:
        active = select(api_tokens.c.name).where(
            api_tokens.c.user_id == user.id,
            api_tokens.c.revoked_at.is_(None),
            or_(api_tokens.c.expires_at.is_(None), api_tokens.c.expires_at > now()),
        )
        names = connection.execute(active).scalars().all()
        if name in names:
            message = f"There is already a token named {name}. Choose another name, or revoke that token first."
            raise BadToken(message)
        if len(names) >= MOST_ACTIVE:
            message = f"One user can have at most {MOST_ACTIVE} tokens. Revoke one first."
            raise BadToken(message)


def acting_user(user: User, scopes: Collection[Scope]) -> User:
    """Return the user with the role that the scopes leave, so that a token never permits more than they say."""
    strongest = max((_STRONGEST[scope] for scope in scopes), key=_RANK.index)
    return user if _RANK.index(user.role) <= _RANK.index(strongest) else replace(user, role=strongest)


def scopes_for(user: User) -> tuple[Scope, ...]:
    """Return the scopes that a token of this user can have."""
    return tuple(scope for scope in Scope if _RANK.index(user.role) >= _RANK.index(_NEEDED[scope]))


def _valid_scopes(user: User, scopes: Collection[Scope | str]) -> frozenset[Scope]:
    if not user.active:
        message = f"The account {user.name} is disabled. Enable it first."
        raise BadToken(message)
    if not scopes:
        message = "Choose at least one scope."
        raise BadToken(message)
    if unknown := sorted(set(map(str, scopes)) - set(Scope)):
        message = f"Unknown scope {unknown[0][:40]!r}. The scopes are {', '.join(Scope)}."
        raise BadToken(message)
    known = frozenset(Scope(scope) for scope in scopes)
    if above := sorted(known - set(scopes_for(user))):
        message = f"The role of {user.name} does not allow the scope {above[0]}."
        raise BadToken(message)
    return known


def _valid_name(name: str) -> str:
    trimmed = without_invisible(name)
    if not 0 < len(trimmed) <= NAME_LIMIT or len(trimmed.splitlines()) > 1 or unreadable_character(trimmed):
        message = f"A token needs a name of 1 to {NAME_LIMIT} characters on one line."
        raise BadToken(message)
    return trimmed


def _sum(moment: datetime, period: timedelta) -> datetime:
    try:
        return moment + period
    except OverflowError:
        message = "A token cannot last that long."
        raise BadToken(message) from None


def _token(row: RowMapping | Mapping[str, Any]) -> ApiToken:
    values = {name: row[f"token_{name}"] for name in _FIELDS}
    known = frozenset(Scope(scope) for scope in values["scopes"].split(","))
    return ApiToken(**values | {"scopes": known})


def _hash(text: str) -> bytes:
    return sha256(text.encode()).digest()
