"""Leases of dead workers are settled, by the rescuer's own monotonic time."""

from collections.abc import Callable, Mapping
from uuid import UUID

import pytest
from sqlalchemy import delete

from webapp.db.engine import writing
from webapp.jobs.maintenance import rescue as module
from webapp.jobs.maintenance.rescue import LeaseRescuer
from webapp.jobs.model.job import Job, Status
from webapp.schema import leases
from webapp.services import Services


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic time of the rescuer; a test advances it: `at[0] += 5`."""
    at = [1000.0]
    monkeypatch.setattr(module, "monotonic", lambda: at[0])
    return at


@pytest.fixture
def rescuer(services: Services, at: list[float]) -> LeaseRescuer:
    return LeaseRescuer(services.leases, 5.0)


def test_a_lease_without_a_heartbeat_is_rescued_after_the_lease_time(
    services: Services, rescuer: LeaseRescuer, running: Callable[..., Job], at: list[float], database: str
) -> None:
    job = running()
    assert rescuer.rescue() == 0
    at[0] += 4.9
    assert rescuer.rescue() == 0
    at[0] += 0.2
    assert rescuer.rescue() == 1
    after = services.jobs.get(job.id)
    assert (after.status, after.errors[0]["text"]) == (
        Status.STALE,
        "The machine that ran this job stopped responding.",
    )
    assert rescuer.rescue() == 0


def test_a_lease_with_heartbeats_is_kept(
    services: Services, rescuer: LeaseRescuer, lease: UUID, at: list[float]
) -> None:
    for _ in range(5):
        assert rescuer.rescue() == 0
        at[0] += 4
        services.leases.beat(lease)


def test_only_the_monotonic_time_of_the_rescuer_counts(
    services: Services, rescuer: LeaseRescuer, lease: UUID, at: list[float]
) -> None:
    with writing(services.engine) as connection:
        connection.exec_driver_sql("UPDATE leases SET beat_at = '2001-01-01 00:00:00.000000'")
    assert rescuer.rescue() == 0
    at[0] += 4.9
    assert rescuer.rescue() == 0


def test_a_heartbeat_at_the_last_moment_keeps_the_lease(
    services: Services, rescuer: LeaseRescuer, running: Callable[..., Job], lease: UUID, at: list[float], database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """It comes after the rescuer has read the leases and before it settles one."""
    job, beats = running(), services.leases.beats
    rescuer.rescue()
    at[0] += 5.1

    def then_beat() -> Mapping[UUID, int | None]:
        seen = beats()
        services.leases.beat(lease)
        return seen

    with monkeypatch.context() as patch:
        patch.setattr(services.leases, "beats", then_beat)
        rescuer.rescue()
    assert services.jobs.get(job.id).status is Status.RUNNING
    assert services.leases.beat(lease)


def test_a_job_without_its_lease_row_is_rescued_after_the_lease_time(
    services: Services, rescuer: LeaseRescuer, running: Callable[..., Job], at: list[float], database: str
) -> None:
    job = running()
    with writing(services.engine) as connection:
        connection.execute(delete(leases))
    assert rescuer.rescue() == 0
    at[0] += 5.1
    assert rescuer.rescue() == 1
    assert services.jobs.get(job.id).status is Status.STALE


def test_after_a_reset_every_lease_has_its_full_time_again(rescuer: LeaseRescuer, lease: UUID, at: list[float]) -> None:
    assert rescuer.rescue() == 0
    at[0] += 100
    rescuer.reset()
    assert rescuer.rescue() == 0
    at[0] += 5.1
    assert rescuer.rescue() == 1
