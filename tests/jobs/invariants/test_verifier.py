"""The verifier runs every check, and changes nothing."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from webapp.db.engine import reading
from webapp.jobs.invariants.check import Check, Finding
from webapp.jobs.invariants.verifier import run_checks
from webapp.schema import jobs
from webapp.services import Services

Violations = Callable[..., dict[str, Any]]


@pytest.mark.usefixtures("database")
def test_every_rule_holds_on_a_healthy_installation(history: dict[str, UUID], violations: Violations) -> None:
    assert violations() == violations(deep=True) == {}


@pytest.mark.usefixtures("database")
def test_a_check_changes_nothing(services: Services, history: dict[str, UUID], violations: Violations) -> None:
    with reading(services.engine) as connection:
        before = connection.execute(select(jobs)).all()
        violations(deep=True)
        assert connection.execute(select(jobs)).all() == before


def test_a_transient_violation_that_is_gone_after_the_pause_does_not_count() -> None:
    findings = iter([Finding(rule="r", count=1), Finding(rule="r")])
    check = Check(rule="r", run=lambda: next(findings), transient=True)
    assert [finding.holds for finding in run_checks([check], 0)] == [True]
