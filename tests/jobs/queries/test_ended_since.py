from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Engine, insert, update

from webapp.db.engine import writing
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.schedules.draft import ScheduleDraft
from webapp.schema import error_groups, jobs, later, now, schedule_runs
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def test_ended_jobs_are_counted_by_type_and_those_with_failures_come_first(
    services: Services, engine: Engine, make: Callable[..., Job]
) -> None:
    me, other = Owner(user_id=uuid4()), Owner(user_id=uuid4())

    def end(type_name: str, status: Status, ago: float = 60, owner: Owner = me, **values: object) -> None:
        ended = {"type": type_name, "status": status.value, "finished_at": later(-ago), **values}
        made = make(owner=owner)
        with writing(engine) as connection:
            connection.execute(update(jobs).where(jobs.c.id == made.id).values(**ended))

    for _ in range(3):
        end("a", Status.COMPLETED)
    end("a", Status.COMPLETED, warnings=[{"text": "odd"}])
    end("a", Status.CANCELLED)
    end("b", Status.FAILED)
    end("b", Status.STALE)
    end("b", Status.FAILED, ago=7200)
    end("b", Status.FAILED, owner=other)
    make(owner=me)
    since = services.queries.jobs.now() - timedelta(hours=1)
    counts = services.queries.ended_since.jobs_of(me.user_id, since)  # type: ignore[arg-type]
    assert [(each.type, each.done, each.warned, each.failed, each.stopped) for each in counts] == [
        ("b", 0, 0, 2, 0),
        ("a", 4, 1, 0, 1),
    ]


def test_schedules_that_started_no_job_are_listed_with_the_last_reason(services: Services, engine: Engine) -> None:
    mine = uuid4()
    draft = ScheduleDraft(name="Nightly", rule="0 3 * * *", zone="UTC")
    schedule = services.schedules.add("nothing", {}, draft)
    with writing(engine) as connection:
        for hours, outcome, detail in (
            (30, "missed", "old"),
            (2, "busy", "The previous job had not finished."),
            (1, "missed", ""),
        ):
            times = {"fire_at": later(-hours * 3600), "fired_at": later(-hours * 3600)}
            row = {"schedule_id": schedule.id, "outcome": outcome, "detail": detail}
            connection.execute(insert(schedule_runs).values(**row, **times))
    since = services.queries.jobs.now() - timedelta(hours=24)
    (unfired,) = services.queries.ended_since.unfired(since)
    assert (unfired.name, unfired.count, unfired.outcome) == ("Nightly", 2, "missed")
    assert services.queries.ended_since.unfired(since, owner_id=mine) == ()


def test_only_open_errors_that_are_new_are_listed(services: Services, engine: Engine, make: Callable[..., Job]) -> None:
    sample = make().id
    with writing(engine) as connection:
        for name, ago, state in (("new", 60, "open"), ("old", 7200, "open"), ("ignored", 60, "ignored")):
            known = {"fingerprint": name, "type": "a", "message": name, "sample_job_id": sample, "count": 3}
            times = {"first_seen_at": later(-ago), "last_seen_at": now(), "state": state}
            connection.execute(insert(error_groups).values(**known, **times))
    since = services.queries.jobs.now() - timedelta(hours=1)
    assert [each.message for each in services.queries.ended_since.new_errors(since)] == ["new"]
