"""Violations of the rules of roots and children are found."""

from collections.abc import Callable

import pytest

ViolatedBy = Callable[[str], list[str]]


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE jobs SET parts_failed = 2 WHERE id = :family", "A root's counts of its children match its children."),
        ("DELETE FROM jobs WHERE root_id = :family", "A root's counts of its children match its children."),
        (
            "UPDATE jobs SET status = 'waiting', finished_at = NULL WHERE id = :family",
            "A root waits only while it has unfinished children.",
        ),
        (
            "UPDATE jobs SET status = 'cancelled' WHERE id = :family",
            "A root's status follows from its children's statuses.",
        ),
        (
            "UPDATE jobs SET status = 'held' WHERE root_id = :family AND status = 'failed'",
            "No child is held after its root's handler has returned.",
        ),
        (
            "UPDATE jobs SET status = 'queued' WHERE root_id = :family AND status = 'failed'",
            "No child continues after its root has ended.",
        ),
        (
            "UPDATE jobs SET child_name = '0' WHERE root_id = :family AND child_name = '1'",
            "The children of a job have different names.",
        ),
        (
            "UPDATE jobs SET shared_with = 'Finance' WHERE root_id = :family AND child_name = '1'",
            "The children of a job are shared as it is.",
        ),
    ],
)
def test_a_root_that_does_not_match_its_children_is_found(statement: str, rule: str, violated_by: ViolatedBy) -> None:
    assert rule in violated_by(statement)
