"""Violations of the rules of leases are found."""

from collections.abc import Callable

import pytest

ViolatedBy = Callable[[str], list[str]]


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE jobs SET lease_id = NULL WHERE id = :running", "A job has a lease if and only if it is running."),
        ("DELETE FROM leases", "A job has a lease if and only if it is running."),
        ("UPDATE leases SET beat_at = '2020-01-01 00:00:00.000000'", "A lease without heartbeats is removed."),
        ("UPDATE leases SET worker_pid = 99999999", "No dead worker on this machine still holds a lease."),
        ("UPDATE leases SET boot_id = 'an earlier one'", "No dead worker on this machine still holds a lease."),
    ],
)
def test_a_lease_without_a_living_worker_is_found(statement: str, rule: str, violated_by: ViolatedBy) -> None:
    assert rule in violated_by(statement)
