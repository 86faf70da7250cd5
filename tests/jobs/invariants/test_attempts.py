"""Violations of the rules of attempts are found."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from tests.jobs.statements import recorded
from webapp.db.engine import is_sqlite, writing
from webapp.jobs.invariants import attempts
from webapp.jobs.invariants.check import EXAMPLES
from webapp.schema import events, jobs, later
from webapp.services import Services

ViolatedBy = Callable[[str], list[str]]
pytestmark = pytest.mark.dialect
NUMBERED = "Attempts are numbered 1, 2, 3 …, each started once, and the job's count matches."


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
            "UPDATE events SET id = 1000000 WHERE name = 'started' AND job_id = :good",
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


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pass over all jobs take them in batches of one."""
    monkeypatch.setattr(attempts, "BATCH", 1)


@pytest.mark.usefixtures("database", "small_batches")
def test_violations_in_every_batch_are_counted(
    services: Services, history: dict[str, UUID], violations: Callable[..., dict[str, Any]]
) -> None:
    assert not violations()
    with writing(services.engine) as connection:
        count = connection.execute(update(jobs).where(jobs.c.status != "running").values(attempt=7)).rowcount
    counted, examples = violations()[NUMBERED]
    assert (counted, len(examples)) == (count, EXAMPLES)
    assert all("attempt 7, starts " in example for example in examples)


@pytest.mark.usefixtures("database", "history")
@pytest.mark.dialect(both=True)
def test_one_pass_answers_all_rules_of_events_and_attempts(services: Services) -> None:
    with recorded(services.engine) as sent:
        assert all(check.run().holds for check in attempts.checks(services.engine))
    statements = [statement for statement, _parameters in sent]
    # one batch: the history, the attempts, and events without a job
    assert len([statement for statement in statements if "BETWEEN" in statement]) == 3
    assert is_sqlite(services.engine) or "SET LOCAL enable_nestloop = off" in statements


@pytest.mark.usefixtures("database")
def test_a_start_whose_time_was_written_after_the_end_is_no_second_start(
    services: Services, history: dict[str, UUID], violations: Callable[..., dict[str, Any]]
) -> None:
    with writing(services.engine) as connection:
        late = update(events).where(events.c.job_id == history["good"], events.c.name == "started")
        connection.execute(late.values(at=later(1)))
    assert not violations()
