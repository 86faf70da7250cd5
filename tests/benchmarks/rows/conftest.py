"""One filled installation for all tests of this folder."""

from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

import pytest
from sqlalchemy import text

from benchmarks.installation import add_person, installed
from benchmarks.rows.bulk_load import fill
from webapp.db.engine import reading
from webapp.services import Services

ROWS = 10_000
_INDEXES = text("SELECT indexrelid::regclass::text, indisunique FROM pg_index WHERE indrelid > 16383 ORDER BY 1")
_SETTINGS = text("SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'autovacuum', 'max_wal_size')")


class Filled(NamedTuple):
    """Services of a filled installation, with its indexes and settings before and after that."""

    services: Services
    owner_ids: list[UUID]
    before: list[object]
    after: list[object]


@pytest.fixture(scope="session")
def filled(valkey_url: str) -> Iterator[Filled]:
    """Fill an installation on a PostgreSQL server of its own, whose settings are changed for that."""
    with installed("postgresql", valkey_url) as services:
        before = _description(services)
        owner_ids = [add_person(services) for _ in range(5)]
        fill(services, ROWS, owner_ids)
        yield Filled(services, owner_ids, before, _description(services))


def _description(services: Services) -> list[object]:
    with reading(services.engine) as connection:
        return [*connection.execute(_INDEXES), *connection.execute(_SETTINGS)]
