from collections.abc import Callable
from itertools import count, cycle
from uuid import UUID

import pytest
from sqlalchemy import func, select

from tests.jobs.conftest import LOCATION
from tests.jobs.statements import recorded
from webapp.db.engine import reading
from webapp.jobs.execution import work_horse
from webapp.jobs.execution.groups.group_size import SIZES, RunTimes
from webapp.jobs.execution.leases import Holder
from webapp.jobs.execution.rehearsal import rehearse
from webapp.jobs.execution.worker_heartbeat import WorkerHeartbeat
from webapp.jobs.model.job import Job, Owner
from webapp.jobs.monitoring.workers import Worker
from webapp.jobs.queueing.next_claim import Group
from webapp.schema import attempts, events, jobs, leases, workers
from webapp.services import Services

HOLDER = Holder(host="here", boot_id="now", worker="a worker", pid=1)


def test_a_rehearsal_leaves_nothing(services: Services) -> None:
    rehearse(services.claims, services.leases, HOLDER)
    with reading(services.engine) as connection:
        for table in (jobs, attempts, events, leases, workers):
            assert connection.execute(select(func.count()).select_from(table)).scalar() == 0, table.name


def test_no_page_shows_it_as_a_worker(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Worker] = []

    def look(lease_id: UUID) -> None:
        seen.extend(services.workers.in_database())

    monkeypatch.setattr(services.leases, "running_job", look)
    rehearse(services.claims, services.leases, HOLDER)
    assert seen == []


@pytest.mark.dialect(both=True)
@pytest.mark.parametrize("queue", ["default", "rehearsal"])
def test_it_takes_no_queued_job_and_leaves_no_lease_for_one(services: Services, queue: str, database: str) -> None:
    services.queues.add(queue)
    job = services.jobs.create_job("nothing", queue=queue)
    rehearse(services.claims, services.leases, HOLDER)
    assert services.jobs.get(job.id) == job
    assert services.leases.beats() == {}


def test_a_short_job_sends_only_statements_that_were_rehearsed(
    services: Services, make: Callable[..., Job], people: Callable[[], UUID], lease: UUID, database: str
) -> None:
    with recorded(services.engine) as rehearsed:
        rehearse(services.claims, services.leases, HOLDER)
    make(owner=Owner(user_id=people()))
    make()
    with recorded(services.engine) as sent:
        assert services.work_horse().drain("default", lease, LOCATION) == 2
    assert {statement for statement, _ in sent} <= {statement for statement, _ in rehearsed}


def test_groups_of_every_size_send_only_statements_that_were_rehearsed(
    services: Services, make: Callable[..., Job], lease: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = cycle([*(Group(size, "nothing") for size in SIZES), None])
    monkeypatch.setattr(RunTimes, "group_after", lambda *_: next(groups))
    monkeypatch.setattr(work_horse, "MOST_SECONDS", 100.0)  # however slow the machine is
    with recorded(services.engine) as rehearsed:
        rehearse(services.claims, services.leases, HOLDER)
    jobs_to_do = 3 * (sum(SIZES) + 1)
    for _ in range(jobs_to_do):
        make()
    with recorded(services.engine) as sent:
        assert services.work_horse().drain("default", lease, LOCATION) == jobs_to_do
    assert {statement for statement, _ in sent} <= {statement for statement, _ in rehearsed}


def test_a_worker_without_jobs_sends_only_statements_that_were_rehearsed(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    with recorded(services.engine) as rehearsed:
        rehearse(services.claims, services.leases, HOLDER)
    clock = count(1000.0)  # each poll reads the requests, and some send a heartbeat
    monkeypatch.setattr("webapp.jobs.execution.worker_heartbeat.monotonic", lambda: next(clock))
    heartbeat = WorkerHeartbeat(services.engine, HOLDER, ["default"], "1")
    with recorded(services.engine) as sent:
        for _ in range(10):
            heartbeat.poll()
            services.claims.has_claimable("default")
            services.leases.open_if_claimable(services.claims, HOLDER, "default")
    assert {statement for statement, _ in sent} <= {statement for statement, _ in rehearsed}
    assert any("INSERT INTO workers" in statement for statement, _ in sent)
