"""Sessions: who is signed in, as rows on the server.

The browser holds a random token, the row its SHA-256, so neither a copied database nor a cookie
that was kept after signing out opens anything. A session ends when its row goes, when it was not
used for the idle time, or when its longest time is over.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, RowMapping, bindparam, delete, func, insert, or_, select, update

from webapp.accounts.user import COLUMNS, User, to_user
from webapp.db.engine import reading, writing
from webapp.schema import now, sessions, users

TOKEN_BYTES = 32
_ID_DIGITS = 16
_NOTED_AT_MOST_EVERY = timedelta(minutes=1)
# once, for it is asked with every request
_OF_TOKEN = (
    select(*COLUMNS, sessions.c.created_at.label("begun_at"), sessions.c.seen_at, now().label("moment"))
    .join(sessions, sessions.c.user_id == users.c.id)
    .where(sessions.c.token_hash == bindparam("token_hash"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session as its person sees it. ``id`` is a part of the stored hash: it opens nothing."""

    id: str
    address: str
    user_agent: str
    created_at: datetime
    seen_at: datetime
    current: bool


class Sessions:
    """The sessions of one database; ``idle`` and ``absolute`` are how long they may last."""

    def __init__(self, engine: Engine, *, idle: timedelta, absolute: timedelta) -> None:
        self.engine = engine
        self.idle = idle
        self.absolute = absolute
        self._noted_every = min(_NOTED_AT_MOST_EVERY, idle / 4)

    def begin(self, user_id: UUID, *, address: str = "", user_agent: str = "") -> str:
        """Open a session and return its token, which is stored nowhere."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        values = {
            "token_hash": _hash(token),
            "user_id": user_id,
            "address": address[:64],
            "user_agent": user_agent[:200],
        }
        with writing(self.engine) as connection:
            connection.execute(insert(sessions).values(**values, created_at=now(), seen_at=now()))
        return token

    def find(self, token: str, *, seen: bool = True) -> User | None:
        """Return whose session this is, while it lasts and the person is not disabled.

        ``seen`` keeps it from becoming idle; it is noted at most once a minute.
        """
        row = self._row(token)
        if row is None or not row["active"] or self._is_over(row):
            return None
        if seen and row["moment"] - row["seen_at"] >= self._noted_every:
            self._note(token)
        return to_user(row)

    def end(self, token: str) -> None:
        """Close a session; one that is gone already is no error."""
        with writing(self.engine) as connection:
            connection.execute(delete(sessions).where(sessions.c.token_hash == _hash(token)))

    def of(self, user_id: UUID, token: str) -> tuple[Session, ...]:
        """Return a person's sessions that last, the one of ``token`` first, then the last used."""
        newest = select(sessions, now().label("moment")).where(sessions.c.user_id == user_id)
        with reading(self.engine) as connection:
            rows = connection.execute(newest.order_by(sessions.c.seen_at.desc())).mappings().all()
        lasting = [_session(row, token) for row in rows if not self._is_over({**row, "begun_at": row["created_at"]})]
        return tuple(sorted(lasting, key=lambda session: not session.current))

    def end_one(self, user_id: UUID, session_id: str) -> bool:
        """Close one of a person's own sessions; tell whether there was such a one."""
        mine = select(sessions.c.token_hash).where(sessions.c.user_id == user_id)
        with writing(self.engine) as connection:
            hashes = [one for one in connection.execute(mine).scalars() if _id(one) == session_id]
            connection.execute(delete(sessions).where(sessions.c.token_hash.in_(hashes)))
        return bool(hashes)

    def end_others(self, user_id: UUID, token: str) -> int:
        """Close all of a person's sessions but the one of ``token``; return how many."""
        others = (sessions.c.user_id == user_id, sessions.c.token_hash != _hash(token))
        with writing(self.engine) as connection:
            return connection.execute(delete(sessions).where(*others)).rowcount

    def count(self, user_id: UUID) -> int:
        """Count the sessions in which a person is signed in, those included that are over and not swept yet."""
        with reading(self.engine) as connection:
            return connection.execute(select(func.count()).where(sessions.c.user_id == user_id)).scalar_one()

    def sweep(self, *, only_count: bool = False) -> int:
        """Remove the sessions that are over, or only count them; return how many there were."""
        with writing(self.engine) as connection:
            moment = connection.execute(select(now())).scalar_one()
            over = or_(sessions.c.seen_at <= moment - self.idle, sessions.c.created_at <= moment - self.absolute)
            if only_count:
                return connection.execute(select(func.count()).select_from(sessions).where(over)).scalar_one()
            return connection.execute(delete(sessions).where(over)).rowcount

    def _row(self, token: str) -> RowMapping | None:
        with reading(self.engine) as connection:
            return connection.execute(_OF_TOKEN, {"token_hash": _hash(token)}).mappings().first()

    def _is_over(self, row: Mapping[Any, Any]) -> bool:
        unused, lasted = row["moment"] - row["seen_at"], row["moment"] - row["begun_at"]
        return bool(unused >= self.idle or lasted >= self.absolute)

    def _note(self, token: str) -> None:
        # an update, so that a session that was ended meanwhile does not come back
        with writing(self.engine) as connection:
            connection.execute(update(sessions).where(sessions.c.token_hash == _hash(token)).values(seen_at=now()))


def _session(row: RowMapping, token: str) -> Session:
    known = {name: row[name] for name in ("address", "user_agent", "created_at", "seen_at")}
    return Session(id=_id(row["token_hash"]), current=row["token_hash"] == _hash(token), **known)


def _id(token_hash: bytes) -> str:
    return token_hash.hex()[:_ID_DIGITS]


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
