"""Lists, exports and the command line narrowed to a tag."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from tests.jobs.statements import analyze, plan_of, recorded
from webapp.db.engine import is_sqlite, writing
from webapp.jobs.model.job import Job, Owner
from webapp.jobs.queries.criteria import AdminJobCriteria, JobCriteria
from webapp.jobs.queries.history import HistoryCriteria, JobHistory
from webapp.jobs.queries.visible_jobs import Viewer
from webapp.schema import jobs, now
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def test_jobs_are_found_by_a_tag(services: Services, make: Callable[..., Job]) -> None:
    viewer = Viewer(user_id=uuid4(), sees_all=True)
    tagged, other = make(tags=["urgent", "it's"]), make(tags=["urgently"])
    make()
    for tag, found in (("urgent", [tagged]), ("urgently", [other]), ("it's", [tagged]), ("none", [])):
        ids = [job.id for job in found]
        page = services.queries.lists.find(viewer, JobCriteria(tag=tag), limit=9).jobs
        assert [job.id for job in page] == ids
        assert [job.id for job in services.queries.all_jobs.newest(9, tag=tag)] == ids
        criteria = HistoryCriteria(before=services.queries.jobs.now() + timedelta(minutes=1), tag=tag)
        assert JobHistory(services.engine, viewer).count(criteria) == len(ids)


def test_a_tag_is_combined_with_each_status_of_a_tab(services: Services, make: Callable[..., Job]) -> None:
    owner = uuid4()
    statuses, tags = ("failed", "stale", "completed", "failed"), (["a"], ["a"], ["a"], [])
    made = [make(owner=Owner(user_id=owner), tags=each) for each in tags]
    with writing(services.engine) as connection:
        for job, status in zip(made, statuses, strict=True):
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(status=status, finished_at=now()))
    for viewer in (Viewer(user_id=owner), Viewer(user_id=uuid4(), sees_all=True)):
        for criteria in (JobCriteria(tab="failed", tag="a"), AdminJobCriteria(tab="failed", tag="a")):
            found = services.queries.lists.find(viewer, criteria).jobs
            assert [job.id for job in found] == [made[1].id, made[0].id]


@pytest.mark.parametrize(
    "narrowed", [{"tag": "a"}, {"error": "0123456789abcdef"}, {"ended_since": datetime(2026, 1, 1, tzinfo=UTC)}]
)
def test_what_is_looked_up_is_looked_up_once_for_all_statuses(narrowed: dict[str, Any]) -> None:
    everybody = Viewer(user_id=uuid4(), sees_all=True)
    for tab in ("all", "failed"):
        assert len(AdminJobCriteria(tab=tab, with_children=False).scans(everybody)) > 1
        assert len(AdminJobCriteria(tab=tab, with_children=False, **narrowed).scans(everybody)) == 1


def test_public_jobs_without_tags_are_not_read(services: Services, make: Callable[..., Job]) -> None:
    if is_sqlite(services.engine):
        pytest.skip("SQLite looks up the tagged jobs first")
    for number in range(300):
        make(tags=["a"] if number % 3 == 0 else [])
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.tags.is_(None)).values(public=True))
    analyze(services.engine, "jobs")
    with recorded(services.engine) as sent:
        services.queries.lists.find(Viewer(user_id=uuid4()), JobCriteria(tag="a", with_children=False))
    plans = [plan_of(services.engine, *each, as_if_large=True) for each in sent if "jsonb_build_array" in each[0]]
    assert plans
    assert all("ix_jobs_public_tagged" in plan for plan in plans)
