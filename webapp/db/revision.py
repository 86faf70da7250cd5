"""The revision of the tables: which one this program was written for, and which one the database has."""

import logging
from functools import cache
from pathlib import Path
from time import monotonic

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from webapp.db.engine import reading

log = logging.getLogger(__name__)
MIGRATIONS = Path(__file__).parent.parent / "migrations"
_LOOK_SECONDS = 5.0


@cache
def expected_revision() -> str:
    """Return the newest revision that this program has; first asked at its start, before its files are replaced."""
    return str(ScriptDirectory(str(MIGRATIONS)).get_current_head())


def database_revision(engine: Engine) -> str | None:
    """Return the database's revision; ``None`` if it has no tables yet."""
    with reading(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()


class RevisionCheck:
    """Whether the database's tables are those that this process was written for; looked at every few seconds."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._fits = True
        self._due = 0.0

    def holds(self) -> bool:
        """Tell whether work may begin; what has begun goes on."""
        if monotonic() >= self._due:
            self._look()
        return self._fits

    def _look(self) -> None:
        revision = database_revision(self._engine)
        fits = revision == expected_revision()
        if fits is not self._fits:
            then = "work goes on" if fits else "no new work begins until they fit, or this program is replaced"
            log.warning(
                "The tables are of revision %s, this program is for %s: %s.", revision, expected_revision(), then
            )
        self._fits, self._due = fits, monotonic() + _LOOK_SECONDS
