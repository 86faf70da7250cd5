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
        ("INSERT INTO queues (name, max_running) VALUES ('default', 0)", "Every queue stays within its running limit."),
    ],
)
def test_a_limit_that_was_exceeded_is_found(statement: str, rule: str, violated_by: ViolatedBy) -> None:
    assert rule in violated_by(statement)
