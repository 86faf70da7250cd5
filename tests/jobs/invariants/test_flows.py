"""Violations of the rules of flows are found."""

from collections.abc import Callable

import pytest

ViolatedBy = Callable[[str], list[str]]


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        (
            "INSERT INTO flow_jobs SELECT id, (SELECT id FROM flows), child_name FROM jobs WHERE root_id = :family",
            "No job of a flow is a child.",
        ),
        ("UPDATE flows SET tenant = 'other'", "The jobs of a flow have the owner of the flow."),
        (
            "INSERT INTO dependencies (job_id, after_id) VALUES (:held, :held)",
            "No jobs wait for each other in a circle.",
        ),
    ],
)
def test_a_flow_that_cannot_be_is_found(statement: str, rule: str, violated_by: ViolatedBy) -> None:
    assert rule in violated_by(statement)
