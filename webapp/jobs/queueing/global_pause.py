"""The pause of everything: while it lasts, no job of any queue starts; running jobs continue."""

from contextlib import suppress
from uuid import UUID

from sqlalchemy import Engine, delete, func, insert, update
from sqlalchemy.exc import IntegrityError

from webapp.db.engine import reading, writing
from webapp.jobs.model.job import NO_QUEUE
from webapp.jobs.queries.pauses import OF_EVERYTHING, Pause, paused_queues
from webapp.schema import now, queues


class GlobalPause:
    """Pauses and resumes all queues of one database together; the pauses of single queues stay as they are."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self) -> Pause | None:
        """Return the pause; ``None`` if jobs can start."""
        with reading(self._engine) as connection:
            return paused_queues(connection).everything

    def pause(self, *, reason: str = "", by: UUID | None = None) -> Pause | None:
        """Start no more jobs; if everything is paused already, only the person and the reason change."""
        with suppress(IntegrityError), writing(self._engine) as connection:  # it is paused already
            connection.execute(insert(queues).values(name=NO_QUEUE))
        since = func.coalesce(queues.c.paused_at, now())
        with writing(self._engine) as connection:
            connection.execute(update(queues).where(OF_EVERYTHING).values(paused_at=since, paused_by=by, reason=reason))
        return self.get()

    def resume(self) -> None:
        """Let jobs start again, except those of queues with a pause of their own."""
        with writing(self._engine) as connection:
            connection.execute(delete(queues).where(OF_EVERYTHING))
