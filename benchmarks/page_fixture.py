"""An installation with many jobs, and a signed-in client whose requests go through the whole application."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time, time
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient

from benchmarks import servers
from benchmarks.installation import add_person
from webapp.app import create_app
from webapp.config import load
from webapp.db.engine import is_sqlite, writing
from webapp.db.revision import upgrade
from webapp.services import Services

_FILLED_AT_ONCE = 20_000  # rows; more can take longer than a connection waits for an answer
OWNERS = 4  # the signed-in user is one of them
_BROKE = '[{"text": "It broke."}]'


class UnexpectedStatus(Exception):
    """Raised when a response has another status than the benchmark expects."""


@contextmanager
def page_fixture(kind: str, redis: str, rows: int, **settings: Any) -> Iterator[FlaskClient]:
    """Yield a client of a user who owns some of ``rows`` jobs."""
    folder = Path(tempfile.mkdtemp(prefix="dj-"))
    with servers.database(kind) as url:
        app = create_app(load(data_dir=folder, database_url=url, redis_url=redis, secret_key="k" * 32, **settings))
        upgrade(app.extensions["deskjob"].engine)
        services: Services = app.extensions["deskjob"]
        owner_ids = [add_person(services) for _ in range(OWNERS)]
        fill(services, owner_ids, rows)
        client = app.test_client()
        with client.session_transaction() as session:
            session["_user_id"] = services.sessions.begin(owner_ids[0])
        try:
            yield client
        finally:
            services.engine.dispose()
            shutil.rmtree(folder)


def seconds(client: FlaskClient, path: str, status: int = 200, **headers: Any) -> float:
    """Request a page; return its CPU time on SQLite, and its elapsed time with a database server."""
    embedded = client.application.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite")
    return _took(process_time if embedded else perf_counter, client, path, status, headers)


def seconds_waited(client: FlaskClient, path: str) -> float:
    """Request a page; return the elapsed time."""
    return _took(perf_counter, client, path, 200, {})


def _took(clock: Callable[[], float], client: FlaskClient, path: str, status: int, headers: Mapping[str, Any]) -> float:
    began = clock()
    answer = client.get(path, headers=headers)
    took = clock() - began
    if answer.status_code != status:
        message = f"{path} answered with {answer.status} instead of {status}"
        raise UnexpectedStatus(message)
    return took


def fill(services: Services, owner_ids: list[UUID], rows: int) -> None:
    """Add jobs of all owners: one per cent public, most of them done, with ids in order of creation."""
    sqlite = is_sqlite(services.engine)
    first = int(time() * 1000) - rows  # the time in the first id, in milliseconds
    for done in range(0, rows, _FILLED_AT_ONCE):
        statement = _insertion(owner_ids, first, range(done + 1, min(done + _FILLED_AT_ONCE, rows) + 1), sqlite=sqlite)
        with writing(services.engine) as connection:
            connection.exec_driver_sql(statement if sqlite else statement.replace("%", "%%"))
    if not sqlite:
        with services.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.exec_driver_sql("VACUUM ANALYZE jobs")


def _insertion(owner_ids: list[UUID], first: int, numbers: range, *, sqlite: bool) -> str:
    number = f"printf('%012x', {first} + i)" if sqlite else f"lpad(to_hex({first} + i), 12, '0')"
    job_id = f"{number} || '70008000000000000000'"
    owner = " ".join(f"WHEN {at} THEN '{person.hex}'" for at, person in enumerate(owner_ids))
    owners = len(owner_ids)
    cast, moment = ("", "strftime('%Y-%m-%d %H:%M:%f000', 'now')") if sqlite else ("::uuid", "now()")
    return f"""
        INSERT INTO jobs (id, type, title, status, queue, priority, owner_id, public, payload, message, errors,
                          created_at, started_at, finished_at)
        WITH RECURSIVE n(i) AS (SELECT {numbers[0]} UNION ALL SELECT i + 1 FROM n WHERE i < {numbers[-1]})
        SELECT ({job_id}){cast}, 'dataset_report', 'Report number ' || i,
               CASE i % 20 WHEN 0 THEN 'failed' WHEN 1 THEN 'cancelled' ELSE 'completed' END, 'default', 100,
               (CASE WHEN i % 100 = 7 THEN NULL ELSE CASE (i / 20) % {owners} {owner} END END){cast}, i % 100 = 7,
               '{{"customer": "customer"}}', '200 of 200 customers',
               (CASE i % 20 WHEN 0 THEN '{_BROKE}' ELSE '[]' END){"" if sqlite else "::jsonb"},
               {moment}, {moment}, {moment}
        FROM n"""
