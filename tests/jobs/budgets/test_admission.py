"""New jobs are counted in the budget of their owner exactly, at every door, and refused when it is used up."""

from collections.abc import Callable
from threading import Barrier, Thread
from uuid import UUID

import pytest
from sqlalchemy import func, select

from tests.jobs.statements import recorded
from webapp.db.engine import writing
from webapp.jobs.budgets.admission import BudgetUsedUp, add_usage
from webapp.jobs.budgets.budget import MonthlyBudget, of_user
from webapp.jobs.budgets.service import Budgets
from webapp.jobs.model.job import Owner, Status
from webapp.jobs.schedules.draft import ScheduleDraft
from webapp.jobs.schedules.schedule import RunOutcome
from webapp.schema import budget_usage, jobs
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def used(budgets: Budgets, owner: Owner) -> int:
    assert owner.user_id
    return budgets.of_user(owner.user_id)[1].jobs


def rows(services: Services) -> int:
    with services.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(jobs)).scalar_one()


def test_the_job_after_the_last_one_is_refused_with_the_day_of_the_next_month(
    services: Services, budgets: Budgets, owner: Owner
) -> None:
    for _ in range(3):
        services.jobs.create_job("nothing", owner=owner)
    until = budgets.month().ends_at.date()
    with pytest.raises(BudgetUsedUp) as refused:
        services.jobs.create_job("nothing", owner=owner)
    assert str(refused.value) == f"The budget of 3 jobs for this month is used up. It begins again on {until}."
    assert (used(budgets, owner), rows(services)) == (3, 3)


def test_jobs_of_the_system_and_of_others_do_not_count(
    services: Services, budgets: Budgets, owner: Owner, people: Callable[[], UUID]
) -> None:
    for _ in range(4):
        services.jobs.create_system_job("nothing")
    services.jobs.create_job("nothing", owner=Owner(user_id=people()))
    assert used(budgets, owner) == 0


def test_many_at_once_are_all_counted_or_all_refused(services: Services, budgets: Budgets, owner: Owner) -> None:
    services.jobs.create_many("nothing", [{}] * 2, owner=owner)
    with pytest.raises(BudgetUsedUp, match="has room for 1 jobs, not for 2"):
        services.jobs.create_many("nothing", [{}] * 2, owner=owner)
    assert (used(budgets, owner), rows(services)) == (2, 2)
    with pytest.raises(BudgetUsedUp):
        services.jobs.create_many("nothing", [{}] * 4, owner=Owner(user_id=UUID(int=7)))
    assert rows(services) == 2


def test_a_job_that_could_not_be_written_is_not_counted(services: Services, budgets: Budgets, owner: Owner) -> None:
    services.jobs.create_job("nothing", owner=owner, unique_key="one", request_key="first")
    assert services.jobs.create_job("nothing", owner=owner, request_key="first").unique_key == "one"
    with pytest.raises(Exception, match="unique key"):
        services.jobs.create_job("nothing", owner=owner, unique_key="one")
    services.disabled_types.disable("nothing", reason="")
    with pytest.raises(Exception, match="disabled"):
        services.jobs.create_job("nothing", owner=owner)
    assert used(budgets, owner) == 1


def test_of_several_at_once_as_many_are_created_as_have_room(
    services: Services, budgets: Budgets, owner: Owner
) -> None:
    begin, refused = Barrier(6), list[str]()

    def create() -> None:
        begin.wait()
        try:
            services.jobs.create_job("nothing", owner=owner)
        except BudgetUsedUp as error:
            refused.append(str(error))

    threads = [Thread(target=create) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (used(budgets, owner), rows(services), len(refused)) == (3, 3, 3)


def test_a_retry_and_a_copy_count_like_new_jobs(services: Services, budgets: Budgets, owner: Owner) -> None:
    job = services.jobs.create_job("nothing", owner=owner)
    services.jobs.cancel(job.id)
    services.jobs.retry(job.id)
    services.jobs.run_again(job.id)
    assert used(budgets, owner) == 3
    services.jobs.cancel(job.id)
    for refused in (services.jobs.retry, services.jobs.run_again):
        with pytest.raises(BudgetUsedUp):
            refused(job.id)
    services.jobs.retry_many([job.id])
    assert (services.jobs.get(job.id).status, used(budgets, owner)) == (Status.CANCELLED, 3)


def test_a_schedule_records_that_its_job_was_refused(services: Services, budgets: Budgets, owner: Owner) -> None:
    draft = ScheduleDraft(name="Nightly", rule="0 3 * * *", zone="UTC", owner=owner)
    schedule = services.schedules.add("nothing", {}, draft)
    services.jobs.create_many("nothing", [{}] * 3, owner=owner)
    at = schedule.next_fire_at
    assert at
    assert services.schedule_runner._fire(schedule, at) == 0
    [run] = services.run_history.of_schedule(schedule.id, 5)
    assert (run.outcome, run.job_id) == (RunOutcome.REFUSED, None)
    assert "The budget of 3 jobs for this month is used up." in run.detail
    with pytest.raises(BudgetUsedUp):
        services.schedule_runner.run_now(schedule)
    assert rows(services) == 3


def test_processor_time_that_is_used_up_refuses_new_jobs_only(
    services: Services, budgets: Budgets, owner: Owner
) -> None:
    assert owner.user_id
    budgets.set_limits(of_user(owner.user_id), MonthlyBudget(cpu_seconds=60, memory_gb_hours=2))
    first = services.jobs.create_job("nothing", owner=owner)
    with writing(services.engine) as connection:
        add_usage(connection, [{"user_id": owner.user_id, "month": budgets.month().name, "cpu_seconds": 60.5}])
    with pytest.raises(BudgetUsedUp, match="The budget of 60 seconds of processor time for this month is used up"):
        services.jobs.create_job("nothing", owner=owner)
    assert services.jobs.get(first.id).status is Status.QUEUED


def test_without_budgets_nothing_is_counted(services: Services, owner: Owner) -> None:
    services.jobs.create_job("nothing", owner=owner)
    with services.engine.connect() as connection:
        assert connection.execute(select(budget_usage)).all() == []


def test_a_budget_costs_one_statement_for_each_call_that_creates_jobs(
    services: Services, owner: Owner, request: pytest.FixtureRequest
) -> None:
    def count() -> tuple[int, int]:
        services.jobs.create_job("nothing", owner=owner)  # the first one loads what others use
        with recorded(services.engine) as single:
            services.jobs.create_job("nothing", owner=owner)
        with recorded(services.engine) as many:
            services.jobs.create_many("nothing", [{}] * 50, owner=owner)
        return len(single), len(many)

    before = count()
    budgets: Budgets = request.getfixturevalue("budgets")
    assert owner.user_id
    budgets.set_limits(of_user(owner.user_id), MonthlyBudget(jobs=1000))
    after = count()
    assert after[1] == before[1] + 1
    assert after[0] <= before[0] + 2  # on PostgreSQL, the event is no longer part of the same statement
