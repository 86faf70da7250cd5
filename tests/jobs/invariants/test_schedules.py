"""Violations of the rules of schedules are found."""

from collections.abc import Callable

import pytest

ViolatedBy = Callable[[str], list[str]]


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE schedule_runs SET job_id = :good", "Each job was created by at most one run of one schedule."),
        (
            "UPDATE schedules SET next_fire_at = '2020-01-01 00:00:00.000000'",
            "No schedule is overdue by more than 60 seconds; the clock fires schedules.",
        ),
        (
            "UPDATE schedules SET public = false, owner_id = '00000000-0000-0000-0000-000000000007'",
            "Each schedule whose jobs belong to a user has an account for them.",
        ),
    ],
)
def test_a_schedule_that_fired_twice_or_late_is_found(statement: str, rule: str, violated_by: ViolatedBy) -> None:
    assert rule in violated_by(statement)
