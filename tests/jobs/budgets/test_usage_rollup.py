"""What ended attempts have used is added once, for the month in which they ended."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from webapp import fault_injection
from webapp.db.engine import writing
from webapp.jobs.budgets.admission import BudgetUsedUp
from webapp.jobs.budgets.budget import MonthlyBudget, of_user
from webapp.jobs.budgets.service import Budgets
from webapp.jobs.metrics import cursors
from webapp.jobs.model.job import EventName, Owner
from webapp.jobs.store import events
from webapp.schema import attempts, jobs
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def no_caution(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the latest second too: no other transaction writes here."""
    monkeypatch.setattr(cursors, "CAUTION_SECONDS", 0.0)


GB = 1_000_000_000


@pytest.fixture
def armed(tmp_path: Path) -> Iterator[Path]:
    fault_injection.arm(tmp_path)
    yield tmp_path
    fault_injection.arm(None)


def end_attempt(services: Services, owner: Owner, *, cpu: float | None, ago: timedelta = timedelta(0)) -> None:
    """Write an attempt of half an hour with 2 GB."""
    job = services.jobs.create_job("nothing", owner=owner)
    at = datetime.now(UTC) - ago
    row = {"job_id": job.id, "number": 1, "outcome": EventName.COMPLETED, "worker": "w", "host": "h", "pid": 1}
    times = {"started_at": at - timedelta(minutes=30), "finished_at": at}
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(attempt=1))
        memory = None if cpu is None else 2 * GB
        connection.execute(insert(attempts).values(**row, **times, cpu_seconds=cpu, peak_memory=memory))
        events.insert_one(connection, job_id=job.id, name=EventName.COMPLETED, attempt=1, detail="")


def test_processor_time_and_memory_are_added_once(services: Services, budgets: Budgets, owner: Owner) -> None:
    assert owner.user_id
    end_attempt(services, owner, cpu=40.0)
    end_attempt(services, owner, cpu=2.5)
    end_attempt(services, owner, cpu=None)  # it was killed, and has measured nothing
    for _ in range(2):
        budgets.roll_up()
    usage = budgets.of_user(owner.user_id)[1]
    assert (usage.jobs, usage.cpu_seconds) == (3, 42.5)
    assert usage.memory_gb_hours == pytest.approx(2.0, rel=1e-3)


def test_what_ended_in_the_month_before_is_added_to_that_month(
    services: Services, budgets: Budgets, owner: Owner
) -> None:
    assert owner.user_id
    end_attempt(services, owner, cpu=7.0, ago=datetime.now(UTC) - budgets.month().begins_at + timedelta(hours=1))
    budgets.roll_up()
    months = dict(budgets.history(owner.user_id))
    assert months[budgets.month().before().name].cpu_seconds == 7.0
    assert months[budgets.month().name].cpu_seconds == 0.0


def test_a_roll_up_that_fails_adds_nothing_and_the_next_one_everything(
    services: Services, budgets: Budgets, owner: Owner, armed: Path
) -> None:
    assert owner.user_id
    end_attempt(services, owner, cpu=40.0)
    (armed / "budget.roll-up").write_text("raise")
    with pytest.raises(fault_injection.Fault):
        budgets.roll_up()
    assert budgets.of_user(owner.user_id)[1].cpu_seconds == 0.0
    budgets.roll_up()
    assert budgets.of_user(owner.user_id)[1].cpu_seconds == 40.0


def test_a_job_that_fails_to_be_written_after_it_was_counted_is_not_counted(
    services: Services, budgets: Budgets, owner: Owner, armed: Path
) -> None:
    assert owner.user_id
    (armed / "budget.admit").write_text("raise")
    with pytest.raises(fault_injection.Fault):
        services.jobs.create_job("nothing", owner=owner)
    assert budgets.of_user(owner.user_id)[1].jobs == 0


def test_new_jobs_are_refused_after_the_roll_up_that_reaches_a_limit(
    services: Services, budgets: Budgets, owner: Owner
) -> None:
    assert owner.user_id
    budgets.set_limits(of_user(owner.user_id), MonthlyBudget(memory_gb_hours=1))
    end_attempt(services, owner, cpu=1.0)
    services.jobs.create_job("nothing", owner=owner)
    budgets.roll_up()
    with pytest.raises(BudgetUsedUp, match="The budget of 1 GB-hours of memory for this month is used up"):
        services.jobs.create_job("nothing", owner=owner)
