"""An installation with many jobs on PostgreSQL, and how long its requests, its worker and its maintenance take."""

import html
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select

from benchmarks.installation import add_person, fork_worker, installed
from benchmarks.page_fixture import UnexpectedStatus, seconds
from benchmarks.rows.bulk_load import fill
from webapp.accounts.tokens import Scope
from webapp.accounts.user import Role, User
from webapp.app import create_app
from webapp.db.engine import reading
from webapp.jobs.maintenance.pruner import Pruner
from webapp.jobs.model.job import Owner
from webapp.schema import database_time, error_groups, jobs, now
from webapp.services import Services

OWNERS = 50
CHUNK = 5_000  # jobs that are created at once
PRUNED = 2_000  # jobs that a round deletes
_PASSWORD = "a password for measuring"
_START_SECONDS = 60.0
_POLL: dict[str, Any] = {"HX-Request": "true", "X-Poll": "1"}
_LIVE = re.compile(r'hx-get="(/jobs/_live[^"]*)"')


@dataclass(frozen=True)
class Request:
    """A request of a user, of an admin, or with an admin's token; the path can name one of `places`.

    ``polled`` is the poll of the open page, which finds nothing new.
    """

    name: str
    path: str
    who: str = "user"
    polled: bool = False


class LargeInstallation:
    """An installation that `fill` has filled, with its signed-in clients."""

    def __init__(self, services: Services, owner_ids: list[UUID]) -> None:
        self.services = services
        self.owner_ids = owner_ids
        self._app = create_app(services.settings)
        self._app.config["WTF_CSRF_ENABLED"] = False
        admin = services.accounts.add("measure", _PASSWORD, role=Role.ADMIN)
        self._clients = {
            "user": _signed_in(self._app, services, owner_ids[0]),
            "admin": _signed_in(self._app, services, admin.id),
            "token": _authorised(self._app, services, admin),
        }

    @property
    def engine(self) -> Engine:
        """The engine of its database."""
        return self.services.engine

    def close(self) -> None:
        """Close the connections of its pages."""
        self._app.extensions["deskjob"].engine.dispose()

    @cached_property
    def places(self) -> dict[str, str]:
        """What paths can name: the first owner, two old jobs of theirs, and an error."""
        ended = select(jobs.c.id).where(jobs.c.owner_id == self.owner_ids[0], jobs.c.root_id.is_(None))
        with reading(self.engine) as connection:
            far = connection.execute(ended.order_by(jobs.c.id).offset(200).limit(1)).scalar_one()
            job = connection.execute(ended.order_by(jobs.c.id).offset(400).limit(1)).scalar_one()
            error = connection.execute(select(error_groups.c.fingerprint).limit(1)).scalar_one()
        return {"far": str(far), "job": str(job), "owner": self.owner_ids[0].hex, "error": error}

    def seconds(self, request: Request) -> float:
        """Return the shortest of three times of a request, in seconds."""
        return min(self._once(request) for _ in range(3))

    def _once(self, request: Request) -> float:
        path, client = request.path.format(**self.places), self._clients[request.who]
        if request.polled:
            return _unchanged(client, path)
        self._app.extensions["deskjob"].figures.forget()
        return seconds(client, path)

    def create(self) -> float:
        """Create `CHUNK` jobs of a user; return how many per second."""
        payloads = [{"number": number} for number in range(CHUNK)]
        began = time.perf_counter()
        self.services.jobs.create_many("noop", payloads, owner=Owner(user_id=self.owner_ids[1]))
        return CHUNK / (time.perf_counter() - began)

    def run_worker(self, seconds: float) -> float:
        """Run a worker for some seconds; return how many jobs per second it claimed and ended."""
        with reading(self.engine) as connection:
            began = database_time(connection)
        self.services.wake_ups.top_up("default", 1)
        self.services.engine.dispose()
        pid = fork_worker(self.services)
        try:
            self._await_ended(began)
            time.sleep(seconds)
        finally:
            os.kill(pid, signal.SIGTERM)
            os.waitpid(pid, 0)
        ended = select(func.count(), func.min(jobs.c.finished_at), func.max(jobs.c.finished_at))
        with reading(self.engine) as connection:
            count, first, last = connection.execute(ended.where(jobs.c.finished_at >= began)).one()
        return float(count / (last - first).total_seconds())  # type: ignore[operator]  # it has awaited the first one

    def _await_ended(self, since: datetime) -> None:
        ended = select(jobs.c.id).where(jobs.c.finished_at >= since).limit(1)
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            with reading(self.engine) as connection:
                if connection.execute(ended).first():
                    return
            time.sleep(0.05)
        message = "the worker ended no job"
        raise RuntimeError(message)

    def prune(self) -> float:
        """Delete the oldest ended jobs as maintenance does, about `PRUNED`; return how many rows per second."""
        oldest = select(jobs.c.finished_at).where(jobs.c.finished_at.is_not(None)).order_by(jobs.c.finished_at)
        with reading(self.engine) as connection:
            at, until = connection.execute(select(now(), oldest.offset(PRUNED).limit(1).scalar_subquery())).one()
        assert until is not None
        pruner = Pruner(self.engine, self.services.files, at - until, self.services.registry)
        began = time.perf_counter()
        return pruner.prune() / (time.perf_counter() - began)


@contextmanager
def large_installation(redis: str, rows: int) -> Iterator[LargeInstallation]:
    """Yield an installation with ``rows`` jobs."""
    with installed("postgresql", redis) as services:
        owner_ids = [add_person(services) for _ in range(OWNERS)]
        fill(services, rows, owner_ids)
        installation = LargeInstallation(services, owner_ids)
        try:
            yield installation
        finally:
            installation.close()


def _unchanged(client: FlaskClient, path: str) -> float:
    again = _LIVE.search(client.get(path).text)
    assert again is not None
    for _ in range(2):  # the tag changes with the minute, even between two requests
        tag = client.get(html.unescape(again[1]), headers=_POLL).headers["HX-PTag"]
        with suppress(UnexpectedStatus):
            return seconds(client, html.unescape(again[1]), 304, **_POLL, **{"HX-PTag": tag})
    message = "an unchanged list is not answered with 304"
    raise RuntimeError(message)


def _signed_in(app: Flask, services: Services, user_id: UUID) -> FlaskClient:
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = services.sessions.begin(user_id)
    return client


def _authorised(app: Flask, services: Services, user: User) -> FlaskClient:
    client = app.test_client()
    _token, text = services.tokens.add(user, "benchmark", [Scope.READ, Scope.METRICS])
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {text}"
    return client
