from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, update

from tests.jobs.conftest import end
from tests.jobs.statements import plan_of, recorded
from webapp.db.engine import writing
from webapp.jobs.flows.flow import Flow
from webapp.jobs.model.job import Job, Status
from webapp.jobs.monitoring import figures
from webapp.jobs.monitoring.figures import InstallationFigures
from webapp.schema import events, jobs, later, leases, schedules
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Make = Callable[..., Job]


def read(services: Services) -> InstallationFigures:
    return services.figures.read()


def age(services: Services, job: Job, seconds: float, **values: object) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(created_at=later(-seconds), **values))
        connection.execute(update(events).where(events.c.job_id == job.id).values(at=later(-seconds)))


def test_unfinished_jobs_are_counted_up_to_the_ceiling(
    services: Services, make: Make, running: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    end(services, running(), Status.COMPLETED)
    (kind,) = {make().type for _ in range(4)}
    assert read(services).unfinished == {("default", kind, "queued"): 4}
    monkeypatch.setattr(figures, "CEILING", 3)
    assert read(services).unfinished == {("default", kind, "queued"): 3}


def test_a_queue_whose_jobs_are_all_new_has_a_wait_too(
    services: Services, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "_OLDEST", 1)
    old, new = make(), make()
    age(services, old, 500)
    age(services, new, 100, queue="slow")
    waits = read(services).oldest_waits
    assert timedelta(seconds=499) < waits["default"] < timedelta(seconds=600)
    assert timedelta(seconds=99) < waits["slow"] < timedelta(seconds=200)


def test_overdue_leases_and_late_schedules_are_found(services: Services, lease: UUID) -> None:
    schedule = services.schedules.all()
    assert schedule == ()
    assert (read(services).leases, read(services).overdue_leases) == (1, 0)
    assert read(services).schedules.latest_delay == timedelta(0)
    row = {"type": "maintenance", "payload": {}, "rule": "0 3 * * *", "zone": "UTC", "missed": "once"}
    with writing(services.engine) as connection:
        connection.execute(update(leases).values(beat_at=later(-600)))
        connection.execute(
            insert(schedules).values(id=lease, name="Nightly", **row, created_at=later(-900), next_fire_at=later(-300))
        )
    found = read(services)
    assert (found.overdue_leases, found.schedules.active, found.schedules.paused, found.schedules.of_users) == (
        1,
        1,
        0,
        0,
    )
    assert timedelta(seconds=299) < found.schedules.latest_delay < timedelta(seconds=400)


def test_figures_are_kept_for_some_seconds(services: Services, make: Make) -> None:
    before = services.figures.recent()
    make()
    assert services.figures.recent() is before
    services.figures.forget()
    assert services.figures.recent().unfinished != before.unfinished


def test_no_statement_scans_the_jobs(services: Services, make: Make) -> None:
    make()
    with recorded(services.engine) as sent:
        read(services)
    of_jobs = [(text, parameters) for text, parameters in sent if "FROM jobs" in text]
    assert of_jobs
    for text, parameters in of_jobs:
        plan = plan_of(services.engine, text, parameters, as_if_large=True)
        assert "SCAN jobs" not in plan.replace("SCAN jobs USING", ""), plan
        assert "Seq Scan on jobs" not in plan, plan


def test_flows_are_counted_until_their_last_job_has_ended(services: Services, make: Make) -> None:
    make()
    flow = Flow("Reports")
    first = flow.spawn("nothing", name="fetch")
    flow.spawn("nothing", name="send").after(first)
    services.jobs.start_flow(flow)
    assert read(services).flows == 1
    services.jobs.cancel(first.id)  # and so the one that follows
    assert read(services).flows == 0
