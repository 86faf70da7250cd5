"""Asked once: a request that arrives twice, by a double click or after a lost answer, makes one job."""

from uuid import UUID

from sqlalchemy import Connection, Engine, insert, select

from webapp.db.engine import reading
from webapp.schema import now, requests


def note(connection: Connection, key: str | None, job_id: UUID) -> None:
    """Remember which job a request makes, in its transaction; ``IntegrityError`` if it has made one."""
    if key is not None:
        connection.execute(insert(requests).values(key=key, job_id=job_id, created_at=now()))


def answered(engine: Engine, key: str | None) -> UUID | None:
    """Return the id of the job that a request has made already."""
    if key is None:
        return None
    with reading(engine) as connection:
        return connection.execute(select(requests.c.job_id).where(requests.c.key == key)).scalar()
