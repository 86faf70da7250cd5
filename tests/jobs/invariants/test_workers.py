"""Violations of the rules of workers are found."""

from collections.abc import Callable

import pytest

ViolatedBy = Callable[[str], list[str]]


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        (
            "UPDATE workers SET beat_at = '2020-01-01 00:00:00.000000'",
            "Workers without heartbeats are no longer listed.",
        ),
        ("DELETE FROM workers", "Every worker that holds a lease is listed."),
    ],
)
def test_a_missing_or_outdated_worker_row_is_found(statement: str, rule: str, violated_by: ViolatedBy) -> None:
    assert rule in violated_by(statement)
