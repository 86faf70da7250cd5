"""The services of an installation on an empty database, and timing of work in a forked process."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from uuid import UUID, uuid4

from sqlalchemy import insert

from benchmarks import servers
from webapp.app import create_app
from webapp.config import load
from webapp.db.engine import writing
from webapp.db.revision import upgrade
from webapp.processes import worker
from webapp.schema import now, users
from webapp.services import Services


@contextmanager
def installed(kind: str, redis: str, jobtypes: str = "benchmarks.noop") -> Iterator[Services]:
    """Yield the services of an installation with these job types, on an empty database."""
    folder = Path(tempfile.mkdtemp(prefix="dj-"))
    with servers.database(kind) as url:
        app = create_app(load(data_dir=folder, database_url=url, redis_url=redis, jobtypes=jobtypes))
        upgrade(app.extensions["deskjob"].engine)
        services: Services = app.extensions["deskjob"]
        try:
            yield services
        finally:
            services.engine.dispose()
            shutil.rmtree(folder)


def add_person(services: Services) -> UUID:
    """Add a user who cannot sign in; return the id, for jobs of a person."""
    person_id = uuid4()
    row = {"id": person_id, "name": person_id.hex, "role": "user", "password_hash": "!"}
    with writing(services.engine) as connection:
        connection.execute(insert(users).values(**row, created_at=now()))
    return person_id


def fork_worker(services: Services) -> int:
    """Start a worker of the queue "default" in a fork; return its process id."""
    pid = os.fork()
    if not pid:
        try:
            worker.run(services, uuid4().hex, ["default"])
        finally:
            os._exit(0)
    return pid


def seconds_in_a_child(work: Callable[[], None]) -> float:
    """Run ``work`` in a forked process; return its duration in seconds."""
    reader, writer = os.pipe()
    if not (child := os.fork()):
        began = perf_counter()
        try:
            work()
        finally:
            os.write(writer, str(perf_counter() - began).encode())
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        return float(answer.read())
