"""Sessions: who is signed in, as rows on the server.

The browser holds a random token, the row its SHA-256, so neither a copied database nor a cookie
that was kept after signing out opens anything. A session ends when its row goes, when it was not
used for the idle time, or when its longest time is over.
"""

import secrets
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import Engine, RowMapping, delete, func, insert, or_, select, update

from webapp.accounts.rows import COLUMNS, to_user
from webapp.accounts.user import User
from webapp.database import reading, writing
from webapp.schema import now, sessions, users

TOKEN_BYTES = 32
_NOTED_AT_MOST_EVERY = timedelta(minutes=1)


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
        times = (sessions.c.created_at.label("begun_at"), sessions.c.seen_at, now().label("moment"))
        found = select(*COLUMNS, *times).join(sessions, sessions.c.user_id == users.c.id)
        with reading(self.engine) as connection:
            return connection.execute(found.where(sessions.c.token_hash == _hash(token))).mappings().first()

    def _is_over(self, row: RowMapping) -> bool:
        unused, lasted = row["moment"] - row["seen_at"], row["moment"] - row["begun_at"]
        return bool(unused >= self.idle or lasted >= self.absolute)

    def _note(self, token: str) -> None:
        # an update, so that a session that was ended meanwhile does not come back
        with writing(self.engine) as connection:
            connection.execute(update(sessions).where(sessions.c.token_hash == _hash(token)).values(seen_at=now()))


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
