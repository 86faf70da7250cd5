"""Workers and clock processes whose own clock is an hour off: no job is lost, and no stored time is wrong."""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from tests.databases import TEMPLATE, create_database, drop_database, in_database
from tests.exhaustive import exhaustive
from tests.faults.installation_under_fault import LEASE_SECONDS, QUEUE, FaultyInstallation, faulty_installation
from tests.faults.wrong_clock_job_types import full_work
from tests.jobs.row_invariants import broken, snapshot
from tests.wrong_clock import AHEAD, BEHIND
from webapp.db.engine import reading
from webapp.jobs.invariants.verifier import run_checks
from webapp.jobs.model.job import Job, Status
from webapp.schema import UtcDateTime, attachments, attempts, database_time, events, jobs, metadata

NEAR = timedelta(minutes=5)  # a fraction of an hour, and more than these tests take
# These can be in the future, or are the begin of an hour
_PLANNED = {"run_at", "expires_at", "next_fire_at", "fire_at", "ends_at", "remind_at", "due_at", "begin_by", "hour"}
_PLANNED |= {"approval_ends_at", "old_secret_until", "seen_until", "moment", "next_at"}


@pytest.fixture(
    scope="class",
    params=[
        ("postgresql", "pool", AHEAD),
        exhaustive(("postgresql", "pool", BEHIND)),
        exhaustive(("postgresql", "clock", AHEAD)),
        ("postgresql", "clock", BEHIND),
        # there the clock of the database is that of the machine, so only a process without it can be wrong
        exhaustive(("sqlite", "pool", AHEAD)),
        exhaustive(("sqlite", "pool", BEHIND)),
        exhaustive(("sqlite", "clock", AHEAD)),
        exhaustive(("sqlite", "clock", BEHIND)),
    ],
    ids=lambda value: f"{value[0]}-{value[1]}-{'ahead' if value[2] > timedelta(0) else 'behind'}",
)
def installation(
    request: pytest.FixtureRequest, valkey_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FaultyInstallation]:
    database, process, skew = request.param
    folder = tmp_path_factory.mktemp("wrong-clock")
    url, server, name = f"sqlite:///{folder / 'deskjob.sqlite3'}", "", f"clock_{uuid4().hex}"
    if database == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), folder / "deskjob.sqlite3")
    else:
        server = request.getfixturevalue("postgresql_server")
        create_database(server, name, TEMPLATE)
        url = in_database(server, name)
    with faulty_installation(url, valkey_url, folder, more_types=(full_work,)) as found:
        found.skews[process] = skew
        yield found
    if server:
        drop_database(server, name)


@pytest.fixture(autouse=True)
def _cleared(installation: FaultyInstallation) -> Iterator[None]:
    yield
    installation.clear()


class TestWrongClock:
    def test_jobs_end_as_they_should_and_their_times_are_those_of_the_database(
        self, installation: FaultyInstallation
    ) -> None:
        create, began = installation.services.jobs.create_job, _now(installation)
        plain = create("full_work", {}, queue=QUEUE)
        retried = create("full_work", {"failures": 1}, queue=QUEUE)
        scheduled = create("full_work", {}, queue=QUEUE, delay=timedelta(seconds=1))
        planned = create("full_work", {}, queue=QUEUE, run_at=_now(installation) + timedelta(seconds=1))
        held = create("full_work", {}, queue=QUEUE, after=[retried.id])
        all_ids = [job.id for job in (plain, retried, scheduled, planned, held)]
        installation.wait_for(lambda: all(job.is_finished for job in _read(installation, all_ids)))
        ended = _now(installation)
        for job in _read(installation, all_ids):
            assert job.status is Status.COMPLETED, job.errors
            assert job.attempt == (2 if job.id == retried.id else 1)
            _check_the_order(installation, job, began, ended)
        for job in _read(installation, [scheduled.id, planned.id, retried.id]):
            assert job.started_at is not None
            assert job.started_at - job.created_at >= timedelta(seconds=0.5)  # a delay varies by a fifth
        _check_every_stored_time(installation, began)
        assert broken(snapshot(installation.services.engine)) == []

    def test_a_job_that_runs_for_longer_than_a_lease_keeps_it(self, installation: FaultyInstallation) -> None:
        job = installation.services.jobs.create_job("full_work", {"seconds": LEASE_SECONDS * 2}, queue=QUEUE)
        began = _now(installation)
        installation.wait_for(lambda: _read(installation, [job.id])[0].status is Status.RUNNING)
        installation.wait_for(lambda: _read(installation, [job.id])[0].is_finished)
        [found] = _read(installation, [job.id])
        assert (found.status, found.attempt) == (Status.COMPLETED, 1)
        _check_every_stored_time(installation, began)

    def test_a_lost_job_starts_again_when_its_lease_is_over(
        self, installation: FaultyInstallation, tmp_path: Path
    ) -> None:
        payload = {"marks": str(tmp_path / "marks"), "first": "freezes"}
        job = installation.services.jobs.create_job("again", payload, queue=QUEUE)
        began = _now(installation)
        installation.wait_for(lambda: _read(installation, [job.id])[0].is_finished)
        [found] = _read(installation, [job.id])
        assert found.status is Status.COMPLETED
        assert found.attempt > 1
        assert _now(installation) - began < NEAR
        _check_every_stored_time(installation, began)

    def test_the_verifier_finds_nothing(self, installation: FaultyInstallation) -> None:
        job = installation.services.jobs.create_job("full_work", {}, queue=QUEUE)
        installation.wait_for(lambda: _read(installation, [job.id])[0].is_finished)
        installation.wait_for(lambda: not installation.services.leases.beats())
        findings = list(run_checks(installation.services.checks()))
        assert [found for found in findings if not found.holds] == []


def _read(installation: FaultyInstallation, ids: list[UUID]) -> list[Job]:
    return [installation.services.jobs.get(job_id) for job_id in ids]


def _now(installation: FaultyInstallation) -> datetime:
    return installation.services.queries.jobs.now()


def _check_the_order(installation: FaultyInstallation, job: Job, began: datetime, ended: datetime) -> None:
    """Each time of a job lies after the one before it, and between the begin and the end of the test."""
    with reading(installation.services.engine) as connection:
        of_attempts = connection.execute(
            select(attempts.c.started_at, attempts.c.finished_at)
            .where(attempts.c.job_id == job.id)
            .order_by(attempts.c.number)
        ).all()
        happened = connection.execute(select(events.c.at).where(events.c.job_id == job.id).order_by(events.c.id)).all()
        [file_at] = connection.execute(select(attachments.c.created_at).where(attachments.c.job_id == job.id)).scalars()
    own = [began, job.created_at, *(at for attempt in of_attempts for at in attempt), ended]
    assert own == sorted(own)
    assert job.started_at is not None
    assert job.finished_at is not None
    assert job.started_at == of_attempts[-1].started_at
    assert job.started_at <= job.finished_at <= ended
    at = [began, *(row.at for row in happened), ended]
    assert at == sorted(at)
    assert job.started_at <= file_at <= ended
    assert all(began <= datetime.fromisoformat(warning["at"]) <= ended for warning in job.warnings)


def _check_every_stored_time(installation: FaultyInstallation, began: datetime) -> None:
    """No time that any process has written is far from the time of the database."""
    latest = _now(installation) + NEAR
    with reading(installation.services.engine) as connection:
        for table in metadata.sorted_tables:
            for column in table.c:
                if not isinstance(column.type, UtcDateTime) or column.name in _PLANNED:
                    continue
                for at in connection.execute(select(column).where(column.is_not(None))).scalars():
                    assert began - NEAR <= at <= latest, f"{table.name}.{column.name}"
        assert database_time(connection) - began < NEAR
        assert connection.execute(select(jobs.c.id)).first()
