"""API requests with an idempotency key: a request that is sent twice is carried out once and gets the same answer.

The row of a key is inserted before the request is carried out, and completed with the answer after it. A request that
was refused frees its key, so that a corrected one can use it. Keys are kept for a day.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from webapp.db.engine import reading, writing
from webapp.schema import api_requests, later, now

KEY_LIMIT = 120  # characters, as in the schema
KEPT_FOR = timedelta(days=1)
_ABANDONED_AFTER = timedelta(minutes=15)  # longer than any request but an upload, which is read before the key is taken


class KeyReused(Exception):
    """Raised when a key was used for another request."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("This idempotency key was used for another request. Use a new key for each request.")


class StillInProgress(Exception):
    """Raised when the first request with a key has not been answered yet."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("The first request with this idempotency key is still in progress. Try again soon.")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """The answer to the first request with a key."""

    status: int
    headers: Mapping[str, str]
    body: str


class IdempotentRequests:
    """The keys of one database; each user has their own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, user_id: UUID, key: str, fingerprint: bytes) -> StoredAnswer | None:
        """Take a key for a request; return the answer if the same request was answered before.

        Raises `KeyReused` or `StillInProgress`. The key of a request that a crash interrupted can be taken again.
        """
        mine = _mine(user_id, key)
        row = {"user_id": user_id, "key": key, "fingerprint": fingerprint}
        try:
            with writing(self._engine) as connection:
                connection.execute(
                    delete(api_requests).where(
                        *mine,
                        api_requests.c.status.is_(None),
                        api_requests.c.fingerprint == fingerprint,
                        api_requests.c.started_at <= later(-_ABANDONED_AFTER.total_seconds()),
                    )
                )
                connection.execute(insert(api_requests).values(**row, started_at=now()))
        except IntegrityError:
            return self._earlier(mine, fingerprint)
        return None

    def complete(self, user_id: UUID, key: str, answer: StoredAnswer) -> None:
        """Store the answer."""
        values = {"status": answer.status, "headers": dict(answer.headers), "body": answer.body}
        with writing(self._engine) as connection:
            connection.execute(update(api_requests).where(*_mine(user_id, key)).values(**values))

    def release(self, user_id: UUID, key: str) -> None:
        """Free the key of a request that was not carried out."""
        with writing(self._engine) as connection:
            connection.execute(delete(api_requests).where(*_mine(user_id, key), api_requests.c.status.is_(None)))

    def sweep(self, *, only_count: bool = False) -> int:
        """Delete the keys that are older than a day, or only count them; return how many there were."""
        old = api_requests.c.started_at <= later(-KEPT_FOR.total_seconds())
        with writing(self._engine) as connection:
            if only_count:
                return connection.execute(select(func.count()).select_from(api_requests).where(old)).scalar_one()
            return connection.execute(delete(api_requests).where(old)).rowcount

    def _earlier(self, mine: tuple[ColumnElement[bool], ...], fingerprint: bytes) -> StoredAnswer:
        with reading(self._engine) as connection:
            row = connection.execute(select(api_requests).where(*mine)).mappings().first()
        if row is not None and row["fingerprint"] != fingerprint:
            raise KeyReused
        if row is None or row["status"] is None:
            raise StillInProgress
        return StoredAnswer(status=row["status"], headers=row["headers"] or {}, body=row["body"] or "")


def _mine(user_id: UUID, key: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (api_requests.c.user_id == user_id, api_requests.c.key == key)
