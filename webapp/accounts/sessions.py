"""Sessions of signed-in users, stored on the server.

The browser holds a random token and the row its SHA-256, so neither a copied database nor a cookie
kept after signing out gives access. A session ends when its row is deleted, when it was idle for
too long, or when it reaches its maximum age.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, RowMapping, bindparam, delete, func, insert, or_, select, update

from webapp.accounts.user import User
from webapp.accounts.user_rows import COLUMNS, to_user
from webapp.db.engine import reading, writing
from webapp.db.prepared_statement import PreparedStatement
from webapp.schema import database_time, now, sessions, users

TOKEN_BYTES = 32
_ID_DIGITS = 16
_SEEN_UPDATE_INTERVAL = timedelta(minutes=1)
# built once, because every request runs it
_OF_TOKEN = PreparedStatement(
    select(*COLUMNS, sessions.c.created_at.label("begun_at"), sessions.c.seen_at, now().label("moment"))
    .join(sessions, sessions.c.user_id == users.c.id)
    .where(sessions.c.token_hash == bindparam("token_hash"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session as its user sees it. ``id`` is a part of the stored hash and gives no access."""

    id: str
    address: str
    user_agent: str
    created_at: datetime
    seen_at: datetime
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOrigin:
    """How a session began: ``age`` since then, by single sign-on or not, and the encrypted ID token of a provider."""

    age: timedelta
    signed_on: bool
    id_token: Mapping[str, str] | None


class Sessions:
    """The sessions of one database; ``idle`` and ``absolute`` limit how long they last."""

    def __init__(self, engine: Engine, *, idle: timedelta, absolute: timedelta) -> None:
        self.engine = engine
        self.idle = idle
        self.absolute = absolute
        self._seen_update_interval = min(_SEEN_UPDATE_INTERVAL, idle / 4)

    def begin(
        self,
        user_id: UUID,
        *,
        address: str = "",
        user_agent: str = "",
        signed_on: bool = False,
        id_token: Mapping[str, str] | None = None,
    ) -> str:
        """Start a session and return its token, which is not stored; ``id_token`` is that of a provider, encrypted."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        values = {
            "token_hash": _hash(token),
            "user_id": user_id,
            "address": address[:64],
            "user_agent": user_agent[:200],
            "signed_on": signed_on,
            "id_token": id_token,
        }
        with writing(self.engine) as connection:
            connection.execute(insert(sessions).values(**values, created_at=now(), seen_at=now()))
        return token

    def find(self, token: str, *, seen: bool = True) -> User | None:
        """Return the user of a session that has not expired, unless the user is disabled.

        ``seen`` keeps the session from becoming idle; it is stored at most once a minute.
        """
        row = self._row(token)
        if row is None or not row["active"] or self._is_expired(row):
            return None
        if seen and row["moment"] - row["seen_at"] >= self._seen_update_interval:
            self._touch(token)
        return to_user(row)

    def origin(self, token: str) -> SessionOrigin | None:
        """Return how a session began, ``None`` if there is none."""
        query = select(sessions.c.created_at, sessions.c.signed_on, sessions.c.id_token, now().label("moment"))
        with reading(self.engine) as connection:
            row = connection.execute(query.where(sessions.c.token_hash == _hash(token))).mappings().first()
        if row is None:
            return None
        age = row["moment"] - row["created_at"]
        return SessionOrigin(age=age, signed_on=row["signed_on"], id_token=row["id_token"])

    def end(self, token: str) -> None:
        """End a session; does nothing if it has already ended."""
        with writing(self.engine) as connection:
            connection.execute(delete(sessions).where(sessions.c.token_hash == _hash(token)))

    def of(self, user_id: UUID, token: str) -> tuple[Session, ...]:
        """Return a user's active sessions: the one of ``token`` first, then the most recently used."""
        newest = select(sessions, now().label("moment")).where(sessions.c.user_id == user_id)
        with reading(self.engine) as connection:
            rows = connection.execute(newest.order_by(sessions.c.seen_at.desc())).mappings().all()
        lasting = [_session(row, token) for row in rows if not self._is_expired({**row, "begun_at": row["created_at"]})]
        return tuple(sorted(lasting, key=lambda session: not session.current))

    def end_one(self, user_id: UUID, session_id: str) -> bool:
        """End one of the user's sessions; return whether it existed."""
        mine = select(sessions.c.token_hash).where(sessions.c.user_id == user_id)
        with writing(self.engine) as connection:
            hashes = [token_hash for token_hash in connection.execute(mine).scalars() if _id(token_hash) == session_id]
            connection.execute(delete(sessions).where(sessions.c.token_hash.in_(hashes)))
        return bool(hashes)

    def end_others(self, user_id: UUID, token: str) -> int:
        """End all of the user's sessions except the one of ``token``; return how many ended."""
        others = (sessions.c.user_id == user_id, sessions.c.token_hash != _hash(token))
        with writing(self.engine) as connection:
            return connection.execute(delete(sessions).where(*others)).rowcount

    def count(self, user_id: UUID) -> int:
        """Count a user's sessions, including expired ones that were not deleted yet."""
        with reading(self.engine) as connection:
            return connection.execute(select(func.count()).where(sessions.c.user_id == user_id)).scalar_one()

    def sweep(self, *, only_count: bool = False) -> int:
        """Delete the expired sessions, or only count them; return how many there were."""
        with writing(self.engine) as connection:
            moment = database_time(connection)
            over = or_(sessions.c.seen_at <= moment - self.idle, sessions.c.created_at <= moment - self.absolute)
            if only_count:
                return connection.execute(select(func.count()).select_from(sessions).where(over)).scalar_one()
            return connection.execute(delete(sessions).where(over)).rowcount

    def _row(self, token: str) -> Mapping[str, Any] | None:
        with reading(self.engine) as connection:
            return _OF_TOKEN.first(connection, {"token_hash": _hash(token)})

    def _is_expired(self, row: Mapping[Any, Any]) -> bool:
        unused, lasted = row["moment"] - row["seen_at"], row["moment"] - row["begun_at"]
        return bool(unused >= self.idle or lasted >= self.absolute)

    def _touch(self, token: str) -> None:
        # an update, so a session that ended meanwhile is not created again
        with writing(self.engine) as connection:
            connection.execute(update(sessions).where(sessions.c.token_hash == _hash(token)).values(seen_at=now()))


def _session(row: RowMapping, token: str) -> Session:
    known = {name: row[name] for name in ("address", "user_agent", "created_at", "seen_at")}
    return Session(id=_id(row["token_hash"]), current=row["token_hash"] == _hash(token), **known)


def _id(token_hash: bytes) -> str:
    return token_hash.hex()[:_ID_DIGITS]


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
