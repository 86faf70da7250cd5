"""Violations of concurrency limits are found."""

from collections.abc import Callable

import pytest

ViolatedBy = Callable[[str], list[str]]


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        (
            "UPDATE jobs SET status = 'running', type = 'good' WHERE id IN (:waiting, :running)",
            "Job type good stays within its running limit per owner (1).",
        ),
        (
            "UPDATE jobs SET status = 'running', type = 'good' WHERE id IN (:waiting, :running, :held)",
            "Job type good stays within its running limit (2).",
        ),
        (
            """INSERT INTO rate_starts (rate_key, number, type, job_id, started_at, most, seconds)
            VALUES ('good', 1, 'good', :waiting, '2026-01-01 12:00:00.000000', 1, 60),
            ('good', 2, 'good', :running, '2026-01-01 12:00:59.000000', 1, 60)""",
            "No more jobs start in a period than their rate permits.",
        ),
        ("INSERT INTO queues (name, max_running) VALUES ('default', 0)", "Every queue stays within its running limit."),
    ],
)
def test_a_limit_that_was_exceeded_is_found(statement: str, rule: str, violated_by: ViolatedBy) -> None:
    assert rule in violated_by(statement)
