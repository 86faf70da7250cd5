"""Violations of the rules of attempts are found."""

from collections.abc import Callable

import pytest

ViolatedBy = Callable[[str], list[str]]


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        (
            "UPDATE jobs SET attempt = 2 WHERE id = :good",
            "Attempts are numbered 1, 2, 3 …, each started once, and the job's count matches.",
        ),
        (
            "UPDATE events SET attempt = 7 WHERE name = 'started' AND job_id = :good",
            "Attempts are numbered 1, 2, 3 …, each started once, and the job's count matches.",
        ),
        (
            "UPDATE attempts SET number = 7 WHERE job_id = :good",
            "No attempt ended that never started or is still running.",
        ),
        (
            "UPDATE events SET at = '2099-01-01 00:00:00.000000' WHERE name = 'started' AND job_id = :good",
            "A completed job never starts again.",
        ),
        ("UPDATE events SET name = 'completed' WHERE name = 'created' AND job_id = :good", "A job completes once."),
        (
            "INSERT INTO job_steps SELECT id, 'fetch', 1, 7, created_at, created_at, '{}' FROM jobs WHERE id = :good",
            "Every step was run by an attempt of its job, or taken over from another job.",
        ),
        (
            "UPDATE events SET job_id = lower(hex(zeroblob(16))) WHERE job_id = :good",
            "Every event belongs to an existing job.",
        ),
    ],
)
def test_an_attempt_that_was_counted_wrongly_is_found(statement: str, rule: str, violated_by: ViolatedBy) -> None:
    assert rule in violated_by(statement)
