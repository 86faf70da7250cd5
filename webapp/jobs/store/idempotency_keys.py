"""Idempotency keys: a request that is sent twice, by a double click or after a lost response, creates one job."""

from uuid import UUID

from sqlalchemy import Connection, Engine, insert, select

from webapp.db.engine import reading
from webapp.schema import now, requests

KEY_LIMIT = 120  # characters, as in the schema


def record(connection: Connection, key: str | None, job_id: UUID) -> None:
    """Store the job that a key creates, in its transaction; ``IntegrityError`` if the key has created one."""
    if key is not None:
        connection.execute(insert(requests).values(key=key, job_id=job_id, created_at=now()))


def find_job_id(engine: Engine, key: str | None) -> UUID | None:
    """Return the id of the job that a key has created, if it has."""
    if key is None:
        return None
    with reading(engine) as connection:
        return connection.execute(select(requests.c.job_id).where(requests.c.key == key)).scalar()
