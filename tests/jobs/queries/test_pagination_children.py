"""Lists without child jobs: what they show, and that a large family costs them nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from tests.jobs.queries.test_pagination import ALL_CRITERIA
from tests.jobs.queries.test_visible_jobs import ANA, ANAS, AUDITOR, BEN, PUBLIC, many, set_status
from tests.jobs.statements import analyze, indexes_in, plan_of, recorded
from webapp.db.engine import writing
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.queries.criteria import SYSTEM, AdminJobCriteria, JobCriteria
from webapp.jobs.queries.pagination import ListChangeTag
from webapp.jobs.queries.visible_jobs import PAGE, TABS, Viewer
from webapp.schema import jobs, later
from webapp.services import Services

pytestmark = pytest.mark.dialect
Make = Callable[..., Job]
ROOTS = JobCriteria(with_children=False)


@pytest.fixture
def family(services: Services, make: Make) -> Callable[..., tuple[Job, Job]]:
    """Create a root with a child; return both."""

    def family(owner: Owner = ANAS) -> tuple[Job, Job]:
        root = make(owner)
        return root, services.jobs.create_child_job(root.id, "nothing")

    return family


def found(services: Services, criteria: JobCriteria, viewer: Viewer = ANA) -> list[UUID]:
    return [job.id for job in services.queries.lists.find(viewer, criteria).jobs]


@pytest.mark.parametrize("viewer", [ANA, AUDITOR], ids=["user", "auditor"])
def test_child_jobs_are_left_out_unless_they_are_asked_for(
    services: Services, family: Callable[..., tuple[Job, Job]], viewer: Viewer, database: str
) -> None:
    own, public = family(), family(PUBLIC)
    assert found(services, ROOTS, viewer) == [public[0].id, own[0].id]
    assert found(services, JobCriteria(), viewer) == [public[1].id, public[0].id, own[1].id, own[0].id]
    assert services.queries.lists.count(viewer, ROOTS) == services.queries.lists.count_all(viewer, ROOTS) == 2
    for with_children, counts in ((False, {"all": 2, "waiting": 2}), (True, {"all": 4, "waiting": 4})):
        tabs = services.queries.lists.count_tabs(viewer, with_children=with_children)
        assert {tab: count for tab, count in tabs.items() if count} == counts


def test_the_id_of_a_child_job_finds_it(services: Services, family: Callable[..., tuple[Job, Job]]) -> None:
    _, child = family()
    assert found(services, replace(ROOTS, text=str(child.id))) == [child.id]


def test_operators_filters_leave_child_jobs_out_too(
    services: Services, family: Callable[..., tuple[Job, Job]], database: str
) -> None:
    root, child = family()
    system_root, _ = family(Owner())
    for criteria in ({"owner": ANA.user_id}, {"owner": ANA.user_id, "tab": "waiting"}, {"status": "queued"}):
        assert root.id in found(services, AdminJobCriteria(**criteria, with_children=False), AUDITOR)
        assert child.id not in found(services, AdminJobCriteria(**criteria, with_children=False), AUDITOR)
    assert found(services, AdminJobCriteria(owner=SYSTEM, with_children=False), AUDITOR) == [system_root.id]


def test_the_change_tag_and_the_number_of_new_jobs_follow(
    services: Services, family: Callable[..., tuple[Job, Job]], make: Make, database: str
) -> None:
    root, child = family()
    shown = services.queries.lists.find(ANA, ROOTS).jobs
    tag = services.queries.polled.of_list(ANA, [root.id.hex], ROOTS, limit=PAGE).tag
    assert tag == ListChangeTag.of_page(shown, services.queries.lists.count_tabs(ANA, with_children=False))
    set_status(services, child, Status.RUNNING)
    assert services.queries.polled.of_list(ANA, [root.id.hex], ROOTS, limit=PAGE).tag == tag, "its root counts it"
    assert services.queries.polled.of_list(ANA, [root.id.hex], JobCriteria(), limit=PAGE).tag.new == 1
    make(ANAS)
    assert services.queries.polled.of_list(ANA, [root.id.hex], ROOTS, limit=PAGE).tag.new == 1


def test_the_time_of_the_end_narrows_any_list(services: Services, make: Make, database: str) -> None:
    old, new = make(ANAS), make(ANAS)
    set_status(services, old, Status.FAILED, finished_at=later(-7200))
    set_status(services, new, Status.FAILED, finished_at=later(0))
    hour_ago = services.queries.jobs.now() - timedelta(hours=1)
    for many_ended in (False, True):
        failed = replace(ROOTS, tab="failed", many_ended=many_ended)
        assert found(services, replace(failed, ended_since=hour_ago)) == [new.id]
        assert found(services, replace(failed, ended_until=hour_ago)) == [old.id]


@pytest.mark.dialect(both=True)
def test_no_list_of_roots_scans_the_whole_table(services: Services, database: str) -> None:
    """Of ten thousand jobs none is ana's and none is public: every list is read in the order of an index."""
    many(services, 10_000, owner=BEN.user_id)
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(finished_at=later(0)))
    analyze(services.engine, "jobs")
    read = _indexes_of_lists(services, ANA) | _indexes_of_lists(services, AUDITOR)
    if database == "sqlite":  # PostgreSQL chooses by what is in the table
        names = ("root_status", "root_owner", "root_owner_status", "root_public_status", "ended_badly")
    else:
        names = ("root_completed", "root_owner_completed")
    assert {f"ix_jobs_{name}" for name in names} <= read


def _indexes_of_lists(services: Services, viewer: Viewer) -> set[str]:
    """Return the indexes that lists of roots read; fail if one of them scans the table."""
    now = services.queries.jobs.now()
    ended = [
        JobCriteria(tab=tab, ended_since=now + timedelta(hours=1), many_ended=many_ended)
        for tab in TABS
        for many_ended in (False, True)
    ]
    with recorded(services.engine) as statements:
        for criteria in (*ALL_CRITERIA, *ended, JobCriteria(since=now - timedelta(days=1), until=now)):
            services.queries.lists.find(viewer, replace(criteria, with_children=False))
            services.queries.lists.find(viewer, replace(criteria, with_children=False), before=uuid4())
            services.queries.lists.count_missing(viewer, replace(criteria, with_children=False), [uuid4()])
        services.queries.lists.count_tabs(viewer, with_children=False)
        services.queries.polled.of_list(viewer, [uuid4().hex], ROOTS)
        services.queries.lists.find_active(viewer, 6)
        services.jobs.find_mine_active(viewer)
    read = set()
    for statement, values in {statement: values for statement, values in statements if "FROM" in statement}.items():
        plan = plan_of(services.engine, statement, values)
        assert [line for line in plan.splitlines() if _scans_the_table(line)] == [], f"{plan}\n{statement}"
        read |= indexes_in(plan)
    return read


def _scans_the_table(line: str) -> bool:
    """Public jobs have small indexes of their own; any other read without a condition is a scan."""
    allowed = ("ix_jobs_public", "ix_jobs_root_public")
    return "Seq Scan on jobs" in line or ("SCAN jobs" in line and not line.endswith(allowed))


@pytest.mark.parametrize("viewer", [ANA, AUDITOR], ids=["user", "auditor"])
def test_a_page_does_not_read_over_the_children_of_a_large_family(services: Services, viewer: Viewer) -> None:
    """The newest ten thousand jobs are the children of one root; counted in the steps that SQLite takes."""
    many(services, 10_000, owner=ANA.user_id)
    with writing(services.engine) as connection:
        newest = services.queries.lists.find(ANA, JobCriteria(), limit=1).jobs[0]
        root = services.queries.lists.find(ANA, JobCriteria(), before=newest.id, limit=1).jobs[0]
        connection.execute(update(jobs).where(jobs.c.id != root.id).values(root_id=root.id))
    steps: list[None] = []
    with services.engine.connect() as connection:
        connection.connection.driver_connection.set_progress_handler(lambda: steps.append(None), 100)
    for tab in TABS:
        services.queries.lists.find(viewer, replace(ROOTS, tab=tab))
    services.queries.lists.count_tabs(viewer, with_children=False)
    services.queries.polled.of_list(viewer, [root.id.hex], ROOTS, limit=PAGE)
    with services.engine.connect() as connection:
        connection.connection.driver_connection.set_progress_handler(None, 0)
    assert len(steps) < 100, "in hundreds of steps; reading over the children once takes over a thousand"
