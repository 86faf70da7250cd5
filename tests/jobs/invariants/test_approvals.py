from collections.abc import Callable

import pytest

ViolatedBy = Callable[[str], list[str]]


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        (
            "UPDATE jobs SET approval = 'pending' WHERE id = :good",
            "No job starts without the approval that it needs.",
        ),
        (
            "UPDATE jobs SET approval = 'rejected' WHERE id = :waiting",
            "No job starts without the approval that it needs.",
        ),
        ("UPDATE jobs SET approval = 'approved' WHERE id = :good", "The timeline of an approved job says by whom."),
        (
            "UPDATE jobs SET approval = 'pending', approval_ends_at = '2020-01-01 00:00:00.000000' WHERE id = :held",
            "No job waits for approval longer than 30 seconds after its time; the clock ends it.",
        ),
    ],
)
def test_a_violation_of_an_approval_is_found(statement: str, rule: str, violated_by: ViolatedBy) -> None:
    assert rule in violated_by(statement)
