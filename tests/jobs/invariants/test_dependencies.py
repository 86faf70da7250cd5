"""Violations of the rules of predecessors and dependents are found."""

from collections.abc import Callable

import pytest

ViolatedBy = Callable[[str], list[str]]


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        (
            "UPDATE dependencies SET after_id = :good WHERE job_id = :held",
            "No job is held after all its predecessors have ended.",
        ),
        (
            "UPDATE jobs SET next_key = 'free' WHERE id = :waiting",
            "No job started before it got the unique key that it waited for.",
        ),
        (
            "UPDATE jobs SET status = 'held', next_key = 'free' WHERE id = :waiting",
            "No job waits for a unique key that no job holds.",
        ),
        (
            "UPDATE jobs SET status = 'cancelled', finished_at = created_at WHERE id = :waiting",
            "No job is held for a predecessor that did not complete.",
        ),
        (
            "UPDATE jobs SET has_dependents = (1 = 0) WHERE id = :waiting",
            "A job with dependents is marked as having them.",
        ),
    ],
)
def test_a_job_that_waits_in_vain_is_found(statement: str, rule: str, violated_by: ViolatedBy) -> None:
    assert rule in violated_by(statement)
