"""What every process asks for before it works: tables of the revision that it was written for."""

import logging

from webapp import revision
from webapp.jobs.patience import patiently
from webapp.services import Services


class Unready(Exception):
    """Deskjob starts whole or not at all; the message says what to do."""


def require_tables(services: Services, *, patience: float = 0.0) -> None:
    """Refuse to work on a database that nobody has migrated yet; wait ``patience`` seconds for one that is away."""
    quiet_alembic()
    expected = revision.written_for()
    found = patiently(lambda: revision.found(services.engine), seconds=patience)
    services.engine.dispose()
    if found is None:
        message = "The database has no tables yet. Run ./deskjob db upgrade first."
        raise Unready(message)
    if found != expected:
        message = f"The tables are of version {found}, this program wants {expected}. Run ./deskjob db upgrade first."
        raise Unready(message)


def quiet_alembic() -> None:
    """Keep it from telling at length how it found the database."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
