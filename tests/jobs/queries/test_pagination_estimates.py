from collections.abc import Callable
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from tests.jobs.statements import plan_of, recorded
from webapp.db.engine import writing
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.queries.criteria import JobCriteria
from webapp.jobs.queries.pagination import count_types
from webapp.jobs.queries.visible_jobs import Viewer
from webapp.services import Services

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect]
AUDITOR = Viewer(user_id=uuid7(), sees_all=True)


@pytest.fixture
def put(services: Services) -> Callable[..., None]:
    def put(status: Status, type_name: str = "report", many: int = 1, **values: Any) -> None:
        rows = [Job(id=uuid7(), type=type_name, title="It", status=status, **values) for _ in range(many)]
        with writing(services.engine) as connection:
            services.jobs.store.insert(connection, rows)

    return put


def test_the_jobs_of_a_tab_are_counted_by_type(services: Services, put: Callable[..., None]) -> None:
    put(Status.QUEUED, many=2)
    put(Status.HELD)
    put(Status.QUEUED, "import")
    put(Status.RUNNING, "import")
    put(Status.WAITING, "import")
    put(Status.SCHEDULED)
    waiting, running = (
        services.queries.lists.count_by_type(AUDITOR, JobCriteria(tab="waiting")),
        services.queries.lists.count_by_type(AUDITOR, JobCriteria(tab="running")),
    )
    assert (waiting.counts, waiting.cut) == ({"report": 3, "import": 1}, False)
    assert (running.counts, running.cut) == ({"import": 2}, False)


def test_a_count_by_type_covers_the_newest_jobs_and_says_when_it_was_cut(
    services: Services, put: Callable[..., None]
) -> None:
    put(Status.QUEUED, "import", many=2)
    put(Status.QUEUED, many=3)
    found = count_types(services.engine, AUDITOR, JobCriteria(tab="waiting"), 4)
    assert (found.counts, found.cut) == ({"report": 3, "import": 1}, True)


def test_a_count_by_type_covers_only_visible_jobs(
    services: Services, put: Callable[..., None], people: Callable[[], Any]
) -> None:
    ana = people()
    put(Status.QUEUED)
    put(Status.QUEUED, owner=Owner(user_id=ana))
    assert services.queries.lists.count_by_type(Viewer(user_id=ana), JobCriteria(tab="waiting")).counts == {"report": 1}


def test_a_count_by_type_reads_only_unfinished_jobs(services: Services, put: Callable[..., None]) -> None:
    put(Status.QUEUED)
    with recorded(services.engine) as sent:
        services.queries.lists.count_by_type(AUDITOR, JobCriteria(tab="waiting"))
    plan = plan_of(services.engine, *sent[-1], as_if_large=True)
    assert plan.count("ix_jobs_unfinished") == 2
    assert "ix_jobs_type" not in plan
