"""The count of ended jobs equals the length of their list at any time."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from uuid_utils.compat import uuid7

from webapp.db.engine import reading, writing
from webapp.jobs.metrics import outcomes
from webapp.jobs.model.job import Job, Status
from webapp.schema import endings, jobs, later
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Ended = Callable[..., Job]


@pytest.fixture
def ended(services: Services) -> Ended:
    """Insert a job that ended some minutes ago."""

    def ended(status: Status = Status.FAILED, minutes: float = 90, **values: Any) -> Job:
        job = Job(id=uuid7(), status=Status.QUEUED, **{"type": "nothing", "title": "Nothing", **values})
        with writing(services.engine) as connection:
            services.jobs.store.insert(connection, [job])
            times = {"status": status.value, "finished_at": later(-60 * minutes)}
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(**times))
        return services.jobs.get(job.id)

    return ended


def since(services: Services, hours: int = 48) -> datetime:
    return services.queries.jobs.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)


def count_rows(services: Services) -> dict[tuple[datetime, str], int]:
    with reading(services.engine) as connection:
        rows = connection.execute(select(jobs.c.finished_at, jobs.c.status).where(jobs.c.finished_at.is_not(None)))
        return dict(Counter((row.finished_at.replace(minute=0, second=0, microsecond=0), row.status) for row in rows))


def counts_match(services: Services) -> bool:
    return services.metrics.count_ended_by_hour(since(services)) == count_rows(services)


def test_a_job_counts_before_and_after_the_rollup(services: Services, ended: Ended, roll_up: Any) -> None:
    for minutes in (0, 1, 59, 61, 150):
        ended(minutes=minutes)
    assert counts_match(services)
    roll_up()
    assert counts_match(services)
    ended()
    ended(Status.COMPLETED, 0)
    assert sum(services.metrics.count_ended_by_hour(since(services)).values()) == 7


def test_a_job_is_counted_once_by_repeated_rollups(services: Services, ended: Ended, roll_up: Any) -> None:
    ended()
    ended(Status.COMPLETED)
    for _ in range(2):
        roll_up()
    assert counts_match(services)
    with reading(services.engine) as connection:
        assert sum(connection.execute(select(endings.c.jobs)).scalars()) == 2


def test_a_retried_job_is_subtracted(services: Services, ended: Ended, roll_up: Any) -> None:
    job = ended()
    ended()
    roll_up()
    services.jobs.retry(job.id)
    assert sum(services.metrics.count_ended_by_hour(since(services)).values()) == 1
    assert counts_match(services)


def test_a_deleted_job_is_subtracted(services: Services, ended: Ended, roll_up: Any) -> None:
    job = ended()
    roll_up()
    services.jobs.delete(job.id)
    assert services.metrics.count_ended_by_hour(since(services)) == {}


def test_an_expired_job_stays_in_the_history(services: Services, ended: Ended, roll_up: Any) -> None:
    ended(minutes=60 * 24 * 20)
    roll_up()
    with writing(services.engine) as connection:
        connection.execute(delete(jobs))
    assert sum(services.metrics.count_ended_by_hour(since(services, 24 * 30)).values()) == 1


def test_a_job_that_is_inserted_late_counts_in_its_hour(services: Services, ended: Ended, roll_up: Any) -> None:
    ended()
    roll_up()
    row = {"type": "nothing", "title": "Imported", "queue": "default", "priority": 100, "payload": {}}
    with writing(services.engine) as connection:
        times = {"created_at": later(-9000), "finished_at": later(-7200), "status": "completed"}
        connection.execute(jobs.insert().values(id=uuid7(), **row, **times))
    assert counts_match(services)


def test_the_rows_of_a_past_hour_are_merged(
    services: Services, ended: Ended, monkeypatch: pytest.MonkeyPatch, roll_up: Any
) -> None:
    for _ in range(3):
        job = ended(minutes=200)
        roll_up()
    services.jobs.delete(job.id)
    monkeypatch.setattr(outcomes, "_OPEN_HOURS", timedelta(0))
    ended(minutes=200)
    roll_up()
    with reading(services.engine) as connection:
        assert connection.execute(select(endings.c.jobs)).scalars().all() == [3]
    assert counts_match(services)


def test_a_count_can_be_filtered_by_type_or_queue(services: Services, ended: Ended, roll_up: Any) -> None:
    ended(queue="slow")
    ended(type="other")
    roll_up()
    ended(queue="slow")
    assert sum(services.metrics.count_ended_by_hour(since(services), queue="slow").values()) == 2
    assert sum(services.metrics.count_ended_by_hour(since(services), type="other").values()) == 1


def test_an_hour_without_jobs_leaves_no_rows(services: Services, ended: Ended, roll_up: Any) -> None:
    gone, kept = ended(minutes=300), ended(minutes=400)
    roll_up()
    with writing(services.engine) as connection:
        connection.execute(delete(jobs).where(jobs.c.id == gone.id))
    ended(minutes=0)  # so that the cursor moves
    roll_up()
    with reading(services.engine) as connection:
        rows = connection.execute(select(endings.c.hour, endings.c.jobs).where(endings.c.hour < later(-7200))).all()
    assert [row.jobs for row in rows] == [1]
    assert rows[0].hour <= kept.finished_at
    assert counts_match(services)


def test_all_types_are_counted_together(services: Services, ended: Ended, roll_up: Any) -> None:
    ended()
    ended(type="other")
    again = ended(type="other")
    ended(minutes=60 * 24 * 3)
    roll_up()
    ended(Status.COMPLETED, 0)
    services.jobs.retry(ended().id)
    services.jobs.delete(again.id)
    found = services.metrics.count_ended_by_type(since(services))
    assert found == {("nothing", "failed"): 1, ("other", "failed"): 1, ("nothing", "completed"): 1}


def test_a_polled_page_counts_only_the_newest_jobs_while_the_rollup_is_far_behind(
    services: Services, ended: Ended, roll_up: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "NEWEST", 2)
    metrics, start = services.metrics, since(services)
    for minutes in (90, 60):
        ended(minutes=minutes)
    assert metrics.uncounted_until(start) is None
    for minutes in (30, 10):
        ended(minutes=minutes)
    until = metrics.uncounted_until(start)
    assert until is not None
    assert sum(metrics.count_ended_by_hour(start, until).values()) == 2
    assert sum(metrics.count_ended_by_hour(start).values()) == 4
    roll_up()
    assert metrics.uncounted_until(start) is None
