"""Everything that the benchmark compares can be done on a filled installation, and is really done."""

from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from benchmarks.rows import REQUESTS
from benchmarks.rows.installation import CHUNK, PRUNED, LargeInstallation
from benchmarks.rows.verification import verify
from tests.benchmarks.rows.conftest import Filled
from webapp.db.engine import reading
from webapp.schema import jobs


@pytest.fixture(scope="module")
def installation(filled: Filled) -> Iterator[LargeInstallation]:
    installation = LargeInstallation(filled.services, filled.owner_ids)
    yield installation
    installation.close()


def count(installation: LargeInstallation, status: str) -> int:
    with reading(installation.engine) as connection:
        return connection.execute(select(func.count()).where(jobs.c.status == status)).scalar_one()


@pytest.mark.exhaustive
def test_every_request_is_answered(installation: LargeInstallation) -> None:
    for request in REQUESTS:
        assert installation.seconds(request) > 0  # it raises for another status


def test_jobs_are_created_run_and_deleted(installation: LargeInstallation) -> None:
    queued, completed = count(installation, "queued"), count(installation, "completed")
    assert installation.create() > 0
    assert count(installation, "queued") == queued + CHUNK
    assert installation.run_worker(0.2) > 0
    assert count(installation, "queued") < queued + CHUNK
    assert count(installation, "completed") > completed
    with reading(installation.engine) as connection:
        before = connection.execute(select(func.count()).select_from(jobs)).scalar_one()
    assert installation.prune() > 0
    with reading(installation.engine) as connection:
        after = connection.execute(select(func.count()).select_from(jobs)).scalar_one()
    assert PRUNED / 2 < before - after < PRUNED * 2


@pytest.mark.exhaustive
def test_the_command_is_measured_by_rule(filled: Filled) -> None:
    found = verify(filled.services)
    assert "Progress is between 0 and 100, and 100 when a job is done." in found.by_rule
    assert 0 < found.seconds < sum(found.by_rule.values())
    assert 10_000_000 < found.memory < 1_000_000_000
    assert found.slowest().count(" s: ") == 3
