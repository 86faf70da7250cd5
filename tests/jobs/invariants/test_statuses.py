"""Violations of the rules of single jobs are found."""

from collections.abc import Callable

import pytest

ViolatedBy = Callable[[str], list[str]]


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE jobs SET finished_at = NULL WHERE id = :good", "A job has an end time if and only if it has ended."),
        (
            "UPDATE jobs SET finished_at = created_at WHERE id = :waiting",
            "A job has an end time if and only if it has ended.",
        ),
        (
            "UPDATE jobs SET progress = 99 WHERE id = :good",
            "Progress is between 0 and 100, and 100 when a job is done.",
        ),
        (
            "UPDATE jobs SET progress = 101 WHERE id = :waiting",
            "Progress is between 0 and 100, and 100 when a job is done.",
        ),
        (
            "UPDATE jobs SET status = 'scheduled', run_at = '2020-01-01 00:00:00.000000' WHERE id = :waiting",
            "No scheduled job is overdue by more than 30 seconds; the clock queues due jobs.",
        ),
        (
            "DELETE FROM claimed_keys WHERE job_id = :waiting",
            "An unfinished job with a unique key has claimed it.",
        ),
        (
            "INSERT INTO claimed_keys (key, job_id) VALUES ('k', :good)",
            "A claimed unique key is that of an unfinished job.",
        ),
        (
            "UPDATE claimed_keys SET key = 'another' WHERE job_id = :waiting",
            "A claimed unique key is that of an unfinished job.",
        ),
    ],
)
def test_a_job_with_an_inconsistent_row_is_found(statement: str, rule: str, violated_by: ViolatedBy) -> None:
    assert rule in violated_by(statement)
