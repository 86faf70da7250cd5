from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, insert, text, update

from tests.jobs.conftest import LOCATION, end
from tests.jobs.statements import analyze, plan_of, recorded
from webapp.db.engine import is_sqlite, writing
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.model.progress import UsualRun
from webapp.jobs.queries.visible_jobs import TAB_CEILING, TABS, Viewer
from webapp.jobs.store.fence import Fence, add_log_lines, report
from webapp.jobs.store.job_store import JobNotFound
from webapp.schema import attempts, jobs, later, now
from webapp.services import Services

pytestmark = [pytest.mark.dialect, pytest.mark.partitions]

ANA, BEN = Viewer(user_id=uuid4()), Viewer(user_id=uuid4())
AUDITOR = Viewer(user_id=uuid4(), sees_all=True)
ANAS = Owner(user_id=ANA.user_id)
PUBLIC = Owner(public=True)


def ids(page: tuple[Job, ...]) -> list[UUID]:
    return [job.id for job in page]


def set_status(services: Services, job: Job, status: Status, **values: object) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(status=status.value, **values))


def test_a_user_sees_their_own_and_public_jobs(services: Services, make: Callable[..., Job], database: str) -> None:
    own, public, hidden = make(ANAS), make(PUBLIC), make(Owner())
    assert ids(services.queries.lists.page(ANA)) == [public.id, own.id]
    assert ids(services.queries.lists.page(BEN)) == [public.id]
    assert ids(services.queries.lists.page(AUDITOR)) == [hidden.id, public.id, own.id]
    for viewer, seen in ((ANA, (own, public)), (BEN, (public,)), (AUDITOR, (own, public, hidden))):
        for job in (own, public, hidden):
            if job in seen:
                assert services.queries.jobs.get_visible(viewer, job.id) == job
            else:
                with pytest.raises(JobNotFound, match=str(job.id)):
                    services.queries.jobs.get_visible(viewer, job.id)


def test_a_missing_job_raises_the_same_error_as_a_hidden_one(services: Services) -> None:
    missing = uuid4()
    with pytest.raises(JobNotFound, match=f"There is no job {missing}."):
        services.queries.jobs.get_visible(ANA, missing)


@pytest.mark.parametrize("tab", [tab for tab in TABS if tab != "all"])
def test_a_tab_lists_the_jobs_by_statuswith_its_statuses(
    services: Services, make: Callable[..., Job], tab: str
) -> None:
    jobs_by_status = {status: make(ANAS) for status in Status}
    for status, job in jobs_by_status.items():
        set_status(services, job, status)
    expected = [jobs_by_status[status].id for status in TABS[tab]]
    assert sorted(ids(services.queries.lists.page(ANA, tab=tab))) == sorted(expected)
    assert services.queries.lists.count_tabs(ANA)[tab] == len(expected)


def test_every_status_is_in_exactly_one_tab() -> None:
    assert sorted(status for statuses in TABS.values() for status in statuses) == sorted(Status)


def test_pages_have_no_gaps_and_no_duplicates(services: Services, make: Callable[..., Job], database: str) -> None:
    job_ids = [make(ANAS if number % 2 else PUBLIC).id for number in range(7)]
    pages, last = [], None
    while page := services.queries.lists.page(ANA, before=last, limit=3):
        pages.append(ids(page))
        last = page[-1].id
        make(ANAS)  # a job that is created meanwhile moves nothing
    assert pages == [job_ids[6:3:-1], job_ids[3:0:-1], job_ids[0:1]]


def test_a_page_can_be_limited_to_one_type(services: Services, make: Callable[..., Job]) -> None:
    make(ANAS)
    assert services.queries.lists.page(ANA, type_name="maintenance") == ()
    assert len(services.queries.lists.page(ANA, type_name="nothing")) == 1


def many(services: Services, count: int, *, owner: UUID, status: str = "completed", public: bool = False) -> None:
    """Add rows quickly; their ids are smaller than any real one."""
    sqlite = is_sqlite(services.engine)
    number = "printf('%032x', i)" if sqlite else "lpad(to_hex(i), 32, '0')::uuid"
    values = {"count": count, "status": status}
    owner_sql = "NULL" if public else f"'{owner.hex}'" if sqlite else f"'{owner}'::uuid"
    statement = f"""
        INSERT INTO jobs (id, type, title, status, queue, priority, owner_id, public, payload, created_at)
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
        SELECT {number}, 'nothing', 'T', :status, 'default', 100, {owner_sql}, {"true" if public else "false"}, '{{}}',
               '2026-01-01 00:00:00.000000' FROM n"""
    with writing(services.engine) as connection:
        connection.execute(text(statement), values)


def test_tab_counts_stop_at_a_ceiling(services: Services, database: str) -> None:
    many(services, TAB_CEILING + 5, owner=ANA.user_id, status="queued")
    counts = services.queries.lists.count_tabs(ANA)
    assert (counts["all"], counts["waiting"], counts["done"]) == (TAB_CEILING, TAB_CEILING, 0)


@pytest.mark.partitions(leave_out=True)  # each partition is a step of the plan
@pytest.mark.dialect(both=True)
def test_a_user_with_few_jobs_among_many_reads_few_rows(
    services: Services, make: Callable[..., Job], database: str
) -> None:
    """The worst case: twenty thousand jobs, none of them the viewer's and none public."""
    many(services, 20_000, owner=BEN.user_id)
    job = make(ANAS)
    analyze(services.engine, "jobs")
    with recorded(services.engine) as statements:
        services.queries.jobs.get_visible(ANA, job.id)
        assert services.queries.jobs.owns_any(ANA)
        for tab in TABS:
            services.queries.lists.page(ANA, tab=tab)
            services.queries.lists.page(ANA, tab=tab, before=job.id)
        services.queries.lists.count_tabs(ANA)
        services.queries.estimates.place_in_queue(job)
        services.queries.jobs.timeline(job.id)
        services.queries.jobs.attempts(job.id)
        services.queries.logs.log(job.id)
        services.jobs.attachments(job.id)
    queries = [(statement, values) for statement, values in statements if "FROM" in statement]
    assert len(queries) > 20
    for statement, values in queries:
        plan = plan_of(services.engine, statement, values)
        scans = [line for line in plan.splitlines() if "SCAN jobs" in line or "Seq Scan on jobs" in line]
        # the index of public jobs may be scanned, as it has nothing else
        assert [line for line in scans if "USING INDEX ix_jobs_public" not in line] == [], statement


def test_the_change_tag_of_a_list_changes_whenever_the_list_does(
    services: Services, make: Callable[..., Job], lease: UUID, database: str
) -> None:
    make(PUBLIC)
    seen: set[str] = set()

    def assert_changed(event: str) -> None:
        shown = ids(services.queries.lists.page(ANA))
        tag = services.queries.polled.of_list(ANA, [job_id.hex for job_id in shown]).tag
        assert tag not in seen, event
        assert services.queries.polled.of_list(ANA, [job_id.hex for job_id in shown]).tag == tag, "and only then"
        seen.add(tag)

    assert_changed("at first")
    make(ANAS)
    assert_changed("a new job")
    job = services.claims.claim("default", lease, fresh=True)
    assert job is not None
    assert_changed("a start")
    with writing(services.engine) as connection:
        report(connection, Fence(job_id=job.id, attempt=1), {"progress": 5.0})
    assert_changed("progress")
    end(services, job, Status.FAILED)
    assert_changed("an end")
    services.jobs.change(job.id, Job.mark_queued)
    assert_changed("a retry")
    for _ in range(2):
        again = services.claims.claim("default", lease, fresh=True)
        assert again is not None
        end(services, again)
        assert_changed("another end")
    with writing(services.engine) as connection:
        connection.execute(delete(jobs).where(jobs.c.id == job.id))
    assert_changed("a deletion")


def test_the_place_in_the_queue_follows_the_order_of_claims(
    services: Services, make: Callable[..., Job], lease: UUID, database: str
) -> None:
    low, second, third, first = make(priority=10), make(), make(), make(priority=200)
    services.queues.add("other")
    make(queue="other", priority=300)
    order = [first, second, third, low]
    assert [services.queries.estimates.place_in_queue(job) for job in order] == [1, 2, 3, 4]
    assert services.queries.estimates.place_in_queue(low, ceiling=2) == 3
    for expected in order:
        claimed = services.claims.claim("default", lease, fresh=True)
        assert claimed is not None
        assert claimed.id == expected.id
        assert services.queries.estimates.place_in_queue(claimed) is None


def test_the_usual_duration_is_the_median_of_completed_jobs(
    services: Services, make: Callable[..., Job], database: str
) -> None:
    assert services.queries.estimates.usual_duration("nothing") is None
    for seconds in (10, 20, 300):
        set_status(services, make(), Status.COMPLETED, started_at=later(-seconds), finished_at=later(0))
    set_status(services, make(), Status.FAILED, started_at=later(-9000), finished_at=later(0))
    usual = services.queries.estimates.usual_duration("nothing")
    assert usual is not None
    assert timedelta(seconds=19) < usual < timedelta(seconds=21)


def test_the_usual_silence_is_the_longest_one_of_all_but_a_tenth_of_the_runs(
    services: Services, make: Callable[..., Job], database: str
) -> None:
    def ran(silence: float | None) -> None:
        job = make()
        set_status(services, job, Status.COMPLETED, started_at=later(-60), finished_at=later(0), attempt=1)
        row = {"job_id": job.id, "number": 1, "outcome": "completed", "worker": "w", "host": "h", "pid": 1}
        with writing(services.engine) as connection:
            connection.execute(
                insert(attempts).values(**row, started_at=now(), finished_at=now(), longest_silence=silence)
            )

    assert services.queries.estimates.usual_run("nothing") == UsualRun()
    for silence in (None, 2, 3):
        ran(silence)
    few = services.queries.estimates.usual_run("nothing")
    assert (few.duration is not None, few.silence) == (True, None)
    ran(1)
    assert services.queries.estimates.usual_run("nothing").silence == timedelta(seconds=3)
    for _ in range(6):
        ran(2)
    ran(3600)
    assert services.queries.estimates.usual_run("nothing").silence == timedelta(seconds=3)


def test_the_latest_creation_of_a_type_is_known(services: Services, make: Callable[..., Job]) -> None:
    assert services.queries.jobs.last_created_at("nothing") is None
    make()
    latest = make()
    assert services.queries.jobs.last_created_at("nothing") == latest.created_at


def test_a_log_continues_after_the_last_line_that_was_read(services: Services, running: Callable[..., Job]) -> None:
    job = running()
    with writing(services.engine) as connection:
        lines = [(job.started_at, "INFO", f"line {number}") for number in range(5)]
        add_log_lines(connection, Fence(job_id=job.id, attempt=1), lines)
    first = services.queries.logs.log(job.id, limit=2)
    assert [line.text for line in first] == ["line 0", "line 1"]
    assert [line.text for line in services.queries.logs.log(job.id, after=first[-1].id)] == [
        "line 2",
        "line 3",
        "line 4",
    ]


def test_attempts_are_listed_oldest_first(services: Services, running: Callable[..., Job], lease: UUID) -> None:
    job = running(max_attempts=3)
    end(services, job, Status.QUEUED, outcome="lost")
    again = services.claims.claim("default", lease, fresh=True)
    assert again is not None
    end(services, again)
    assert [
        (attempt.number, attempt.outcome, attempt.worker) for attempt in services.queries.jobs.attempts(job.id)
    ] == [
        (1, "lost", LOCATION.worker),
        (2, "completed", LOCATION.worker),
    ]


def test_users_of_a_tenant_see_only_their_tenants_jobs(services: Services, make: Callable[..., Job]) -> None:
    own, other = make(Owner(public=True, tenant="north")), make(Owner(public=True, tenant="south"))
    viewer = Viewer(user_id=uuid4(), tenant="north")
    assert ids(services.queries.lists.page(viewer)) == [own.id]
    with pytest.raises(JobNotFound):
        services.queries.jobs.get_visible(viewer, other.id)
    assert ids(services.queries.lists.page(Viewer(user_id=uuid4(), tenant="north", sees_all=True))) == [own.id]


def test_the_current_time_is_the_databases(services: Services, database: str) -> None:
    assert services.queries.jobs.now() <= services.queries.jobs.now()
