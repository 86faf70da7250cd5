"""Lists contain exactly the matching jobs, and never read the whole table."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from tests.jobs.queries.test_text_search import search, set_values
from tests.jobs.queries.test_visible_jobs import ANA, ANAS, AUDITOR, BEN, PUBLIC, many
from tests.jobs.statements import analyze, indexes_in, plan_of, recorded
from webapp.db.engine import writing
from webapp.jobs.model.job import Job, Owner
from webapp.jobs.queries.criteria import JobCriteria
from webapp.jobs.queries.pagination import ListChangeTag
from webapp.jobs.queries.visible_jobs import PAGE, TABS, Viewer
from webapp.schema import jobs, later
from webapp.services import Services

pytestmark = [pytest.mark.dialect, pytest.mark.partitions]


def test_a_list_is_filtered_by_owner_time_and_type(services: Services, make: Callable[..., Job], database: str) -> None:
    own, public, other = make(ANAS), make(PUBLIC), make(Owner(user_id=BEN.user_id))
    assert search(services, "", ownership="mine") == [own.id]
    assert search(services, "", ownership="public") == [public.id]
    assert search(services, "", AUDITOR) == [other.id, public.id, own.id]
    assert search(services, "", AUDITOR, ownership="public", type_name="nothing") == [public.id]
    assert search(services, "", type_name="order") == search(services, "", AUDITOR, type_name="order") == []
    now = services.queries.jobs.now()
    set_values(services, own, created_at=later(-300))
    assert search(services, "", since=now - timedelta(seconds=200)) == [public.id]
    assert search(services, "", until=now - timedelta(seconds=200)) == [own.id]
    assert search(services, "", since=now + timedelta(days=1)) == []
    assert search(services, "", newest_id=own.id) == [own.id]


def test_a_search_stops_at_its_scan_limit_and_continues_from_there(
    services: Services, order: Callable[..., Job], database: str
) -> None:
    old = order("Foxtrot")
    for _ in range(7):
        order("Golf")
    criteria = JobCriteria(text="foxtrot")
    first = services.queries.lists.find(ANA, criteria, scan_limit=5)
    assert first.jobs == ()
    assert first.scanned_to is not None
    second = services.queries.lists.find(ANA, criteria, before=first.scanned_to, scan_limit=5)
    assert [job.id for job in second.jobs] == [old.id]
    assert second.scanned_to is None, "there is nothing older"
    assert services.queries.lists.find(ANA, JobCriteria(text="golf"), limit=2, scan_limit=5).scanned_to is None, (
        "the page is full"
    )


def test_jobs_that_belong_on_a_page_but_are_not_shown_are_counted(
    services: Services, order: Callable[..., Job], database: str
) -> None:
    def count_missing(shown: list[UUID], limit: int = 50, **criteria: Any) -> int:
        return services.queries.lists.count_missing(ANA, JobCriteria(**criteria), shown, limit)

    old, top = order("Hotel"), order("Hotel")
    shown = [top.id, old.id]
    assert count_missing(shown) == count_missing(shown, text="india") == count_missing(shown, tab="failed") == 0
    new = order("India")
    order("Juliett", Owner(user_id=BEN.user_id))
    assert count_missing(shown) == count_missing(shown, text="india") == 1
    assert count_missing(shown, text="hotel") == count_missing(shown, tab="failed") == 0
    set_values(services, old, status="failed", finished_at=later(0))
    assert count_missing([], tab="failed") == 1, "it has moved into the tab"
    assert count_missing([new.id, top.id], limit=2) == 0, "it is on the second page"
    assert (
        services.queries.lists.count(ANA, JobCriteria(type_name="order"))
        == services.queries.lists.count_all(ANA, JobCriteria(text="l")) + 1
        == 3
    )
    assert (
        services.queries.lists.count_all(ANA, JobCriteria(type_name="order"))
        == services.queries.lists.count_all(ANA, JobCriteria())
        == 3
    )


def test_the_change_tag_covers_only_visible_jobs(services: Services, make: Callable[..., Job]) -> None:
    own, other = make(ANAS), make(Owner(user_id=BEN.user_id))
    assert set(services.queries.lists.find_by_ids(ANA, [own.id, other.id, uuid4()])) == {own.id}
    before = services.queries.polled.of_list(ANA, [own.id.hex, other.id.hex]).tag
    set_values(services, other, version=9)
    assert services.queries.polled.of_list(ANA, [own.id.hex, other.id.hex]).tag == before
    set_values(services, own, version=9)
    assert services.queries.polled.of_list(ANA, [own.id.hex, other.id.hex]).tag != before


def test_the_change_tag_covers_jobs_that_start_outside_the_page(services: Services, make: Callable[..., Job]) -> None:
    before = services.queries.polled.of_list(ANA, []).tag
    make(Owner(user_id=BEN.user_id))
    assert services.queries.polled.of_list(ANA, []).tag == before
    make(ANAS)
    assert services.queries.polled.of_list(ANA, []).tag != before


@pytest.mark.parametrize("count", [0, 3])
def test_the_change_tag_of_a_page_just_read_equals_the_queried_one(
    services: Services, make: Callable[..., Job], count: int, database: str
) -> None:
    for _ in range(count):
        make(ANAS)
    shown = services.queries.lists.find(ANA, JobCriteria()).jobs
    assert len(shown) == count
    queried = services.queries.polled.of_list(ANA, [job.id.hex for job in shown], JobCriteria(), limit=PAGE).tag
    assert ListChangeTag.of_page(shown, services.queries.lists.count_tabs(ANA)) == queried


ALL_CRITERIA = [
    JobCriteria(tab=tab, ownership=ownership, type_name=type_name, text=text)
    for tab in TABS
    for ownership, type_name, text in (
        ("", "", ""),
        ("mine", "", ""),
        ("public", "", ""),
        ("", "nothing", ""),
        ("", "", "x"),
    )
]


@pytest.mark.partitions(leave_out=True)  # each partition is a step of the plan
@pytest.mark.dialect(both=True)
def test_no_list_scans_the_whole_table(services: Services, database: str) -> None:
    """Of twenty thousand jobs none is ana's and none is public: every list is read in the order of an index."""
    many(services, 20_000, owner=BEN.user_id)
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(finished_at=later(0)))
    analyze(services.engine, "jobs")
    read = _indexes_of_lists(services, ANA) | _indexes_of_lists(services, AUDITOR)
    if database == "sqlite":  # PostgreSQL chooses by what is in the table
        names = ("unfinished", "root_status", "child_ended", "public_status", "type")
        names += ("root_owner_status", "child_owner_status")
    else:
        names = ("root_completed", "root_owner_completed", "child_completed", "child_owner_completed")
    assert {f"ix_jobs_{name}" for name in names} <= read


def _indexes_of_lists(services: Services, viewer: Viewer) -> set[str]:
    """Return the indexes that lists read; fail if one of them scans the table."""
    since = services.queries.jobs.now() - timedelta(days=1)
    with recorded(services.engine) as statements:
        for criteria in (*ALL_CRITERIA, JobCriteria(since=since, until=since)):
            services.queries.lists.find(viewer, criteria)
            services.queries.lists.find(viewer, criteria, before=uuid4())
            services.queries.lists.count_missing(viewer, criteria, [uuid4()])
            services.queries.lists.count_matching_tabs(viewer, criteria)
        services.queries.lists.count_tabs(viewer)
        services.queries.polled.of_list(viewer, [uuid4().hex])
    read = set()
    for statement, values in {statement: values for statement, values in statements if "FROM" in statement}.items():
        plan = plan_of(services.engine, statement, values)
        assert [line for line in plan.splitlines() if _scans_the_table(line, viewer)] == [], f"{plan}\n{statement}"
        read |= indexes_in(plan)
    return read


def _scans_the_table(line: str, viewer: Viewer) -> bool:
    """The newest jobs are read from the end of the primary key; any other read without a condition is a scan."""
    if "Seq Scan on jobs" in line:
        return True
    allowed = ("ix_jobs_public", "sqlite_autoindex_jobs_1") if viewer.sees_all else ("ix_jobs_public",)
    return "SCAN jobs" in line and not line.endswith(allowed)


def test_a_list_reads_only_its_page(services: Services) -> None:
    """A page among ten thousand failed jobs reads only the page, by the number of steps that SQLite takes."""
    many(services, 10_000, owner=ANA.user_id, status="failed")
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(finished_at=later(0)))
    steps: list[None] = []
    with services.engine.connect() as connection:
        connection.connection.driver_connection.set_progress_handler(lambda: steps.append(None), 100)
    for viewer in (ANA, AUDITOR):
        assert len(services.queries.lists.find(viewer, JobCriteria(tab="failed")).jobs) == PAGE
    with services.engine.connect() as connection:
        connection.connection.driver_connection.set_progress_handler(None, 0)
    assert len(steps) < 400, "in hundreds of steps; a scan of the whole table takes over a thousand"
