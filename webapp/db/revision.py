"""The schema revision: the one that this program needs, and the one that the database has."""

import logging
from functools import cache
from pathlib import Path
from time import monotonic

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from webapp.db.engine import reading

log = logging.getLogger(__name__)
MIGRATIONS = Path(__file__).parent.parent / "migrations"
_CHECK_SECONDS = 5.0
_REVISION = text("SELECT version_num FROM alembic_version")


@cache
def expected_revision() -> str:
    """Return the newest revision of this program; call it at the start, before an update replaces the files."""
    return str(ScriptDirectory(str(MIGRATIONS)).get_current_head())


def is_newer(revision: str) -> bool:
    """Return whether only a newer version of this program can have made the tables."""
    return revision not in {found.revision for found in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}


def database_revision(engine: Engine) -> str | None:
    """Return the revision of the database; ``None`` if it has no tables yet."""
    with reading(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(engine: Engine, to: str = "head") -> None:
    """Migrate the database to the newest revision, or to an earlier one."""
    config = Config(str(MIGRATIONS / "alembic.ini"))
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["engine"] = engine
    command.upgrade(config, to)


class RevisionCheck:
    """Checks every few seconds whether the database has the revision that this process needs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._matches = True
        self._due = 0.0

    def matches(self) -> bool:
        """Return whether new jobs can start; running jobs continue either way."""
        if monotonic() >= self._due:
            self._check()
        return self._matches

    def _check(self) -> None:
        revision = self._revision()
        matches = revision == expected_revision()
        if matches is not self._matches:
            effect = "new jobs start again" if matches else "no new jobs start until they match"
            log.warning(
                "The database has revision %s, this program needs %s: %s.", revision, expected_revision(), effect
            )
        self._matches, self._due = matches, monotonic() + _CHECK_SECONDS

    def _revision(self) -> str | None:
        try:
            with reading(self._engine) as connection:  # a tenth of the time that Alembic takes
                return connection.execute(_REVISION).scalar()
        except DBAPIError:
            return database_revision(self._engine)
