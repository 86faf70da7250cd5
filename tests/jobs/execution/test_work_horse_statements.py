"""What a job costs: the statements and commits that a work-horse needs for it, held as numbers."""

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import event

from tests.jobs.conftest import LOCATION
from tests.jobs.statements import analyze, plan_of, recorded
from webapp.jobs.execution import work_horse
from webapp.jobs.execution.groups import group_size
from webapp.jobs.model.job import Job, Owner
from webapp.services import Services

pytestmark = pytest.mark.dialect(both=True)
# SQLite: ends, attempts, events; claim, events. PostgreSQL does all that in one statement, without BEGIN and COMMIT
STATEMENTS = {"sqlite": 5, "postgresql": 1}
COMMITS = {"sqlite": 1, "postgresql": 0}


@pytest.mark.parametrize("group", [1, 10])
@pytest.mark.parametrize("is_persons", [False, True])
def test_a_job_of_the_system_or_a_person_costs_the_same_and_a_group_as_much_as_one_job(
    services: Services,
    make: Callable[..., Job],
    people: Callable[[], UUID],
    lease: UUID,
    database: str,
    is_persons: bool,
    group: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("WORTH_SECONDS", "MOST_SECONDS"):  # however slow the machine is
        monkeypatch.setattr(group_size, name, 100.0 if group > 1 else 0.0)
    monkeypatch.setattr(work_horse, "MOST_SECONDS", 100.0)
    owner = Owner(user_id=people() if is_persons else None)

    commits: list[object] = []
    event.listen(services.engine, "commit", lambda connection: commits.append(connection))  # noqa: PLW0108

    def cost_of(count: int) -> tuple[int, int]:
        for _ in range(count):
            make(owner=owner)
        before = len(commits)
        with recorded(services.engine) as sent:
            assert services.work_horse().drain("default", lease, LOCATION) == count
        return len(sent), len(commits) - before

    few, many = cost_of(4), cost_of(24)
    claims = 20 // group
    assert (many[0] - few[0], many[1] - few[1]) == (claims * STATEMENTS[database], claims * COMMITS[database])


def test_a_job_is_looked_up_by_its_id_and_not_among_the_running_ones(
    services: Services, make: Callable[..., Job], lease: UUID, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_size, "WORTH_SECONDS", 0.0)
    for _ in range(300):
        make()
    services.work_horse().drain("default", lease, LOCATION)
    analyze(services.engine, "jobs")  # no job is running, so that PostgreSQL expects none
    for _ in range(3):
        make()
    with recorded(services.engine) as sent:
        services.work_horse().drain("default", lease, LOCATION)
    ends = [one for one in sent if "UPDATE jobs" in one[0] and "fence_job" in str(one[1])]
    plans = [plan_of(services.engine, *each) for each in ends or sent if "UPDATE jobs" in each[0]]
    assert plans
    assert not any("ix_jobs_running" in plan for plan in plans)
