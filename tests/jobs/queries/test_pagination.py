"""Lists and searches: everything that is chosen, nothing that is not, and never by reading the whole table."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel, SecretStr
from sqlalchemy import update

from tests.jobs.queries.test_visible_jobs import ANA, ANAS, AUDITOR, BEN, PUBLIC, many
from tests.jobs.statements import analyze, plan_of, recorded
from webapp.db.engine import writing
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.model.job import Job, Owner
from webapp.jobs.queries.criteria import JobCriteria
from webapp.jobs.queries.pagination import ListChangeTag
from webapp.jobs.queries.visible_jobs import PAGE, TABS, Viewer
from webapp.schema import jobs, later
from webapp.services import Services

pytestmark = pytest.mark.dialect

Find = Callable[..., list[str]]


class Order(BaseModel):
    """What is ordered."""

    customer: str
    key: SecretStr = SecretStr("")
    lines: list[dict[str, Any]] = []


def _order(job: object, payload: Order) -> None: ...


@pytest.fixture
def order(services: Services) -> Callable[..., Job]:
    services.registry.add(job_type("order", title="Order")(_order))

    def order(customer: str, owner: Owner = ANAS, title: str = "", key: str = "", lines: Any = ()) -> Job:
        payload = {"customer": customer, "key": key, "lines": list(lines)}
        return services.jobs.create_job("order", payload, owner=owner, title=title or f"Order of {len(customer)}")

    return order


def say(services: Services, job: Job, **words: object) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(**words))


def found(services: Services, text: str, viewer: Viewer = ANA, **chosen: Any) -> list[UUID]:
    return [job.id for job in services.queries.lists.find(viewer, JobCriteria(text=text, **chosen)).jobs]


def test_a_search_finds_titles_ids_parameters_messages_and_errors(
    services: Services, order: Callable[..., Job], database: str
) -> None:
    job = order("Müller & Söhne", title="Monthly report", lines=[{"sku": "X-100%", "count": 12}])
    say(services, job, message="46 of 200 done", errors=[{"text": 'The file has no column "sku_nr".', "at": "2026"}])
    order("nobody")
    numbers = (str(job.id), job.id.hex, f"#{job.short_id}", job.short_id.upper())
    words = ("monthly", "REPORT", "müller", "x-100%", "12", "of 200", "sku_nr", '"sku', "Monthly 200 söhne", *numbers)
    for word in words:
        assert found(services, word) == [job.id], word
    for word in ("customer", "2026", "X_100", "monthly nobody", "at", str(uuid4())):
        assert found(services, word) == [], word


def test_a_search_skips_parameters_and_errors_that_the_viewer_cannot_open(
    services: Services, order: Callable[..., Job], database: str
) -> None:
    public = order("Bravo", PUBLIC, title="Nightly")
    say(services, public, errors=[{"text": "Charlie is missing."}], message="Delta")
    theirs = order("Bravo", Owner(user_id=BEN.user_id))
    assert found(services, "nightly") == found(services, "delta") == [public.id]
    assert found(services, "bravo") == found(services, "charlie") == []
    assert found(services, "bravo", AUDITOR) == [theirs.id, public.id]
    assert found(services, "bravo", AUDITOR, restricted_types=frozenset({"order"})) == []
    say(services, public, triggered_by=ANA.user_id)
    assert found(services, "charlie") == [public.id]


def test_a_secret_is_never_found(services: Services, order: Callable[..., Job], database: str) -> None:
    job = order("Echo", key="open sesame")
    closed = services.jobs.get(job.id).payload["key"]["$secret"]
    assert found(services, "echo") == [job.id]
    assert found(services, "sesame") == found(services, closed[:20]) == found(services, closed[8:20]) == []


def test_a_list_is_filtered_by_owner_time_and_type(services: Services, make: Callable[..., Job], database: str) -> None:
    own, public, other = make(ANAS), make(PUBLIC), make(Owner(user_id=BEN.user_id))
    assert found(services, "", ownership="mine") == [own.id]
    assert found(services, "", ownership="public") == [public.id]
    assert found(services, "", AUDITOR) == [other.id, public.id, own.id]
    assert found(services, "", AUDITOR, ownership="public", type_name="nothing") == [public.id]
    assert found(services, "", type_name="order") == found(services, "", AUDITOR, type_name="order") == []
    now = services.queries.jobs.now()
    say(services, own, created_at=later(-300))
    assert found(services, "", since=now - timedelta(seconds=200)) == [public.id]
    assert found(services, "", until=now - timedelta(seconds=200)) == [own.id]
    assert found(services, "", since=now + timedelta(days=1)) == []
    assert found(services, "", newest_id=own.id) == [own.id]


def test_a_search_stops_at_its_scan_limit_and_continues_from_there(
    services: Services, order: Callable[..., Job], database: str
) -> None:
    old = order("Foxtrot")
    for _ in range(7):
        order("Golf")
    wanted = JobCriteria(text="foxtrot")
    first = services.queries.lists.find(ANA, wanted, scan_limit=5)
    assert first.jobs == ()
    assert first.scanned_to is not None
    second = services.queries.lists.find(ANA, wanted, before=first.scanned_to, scan_limit=5)
    assert [job.id for job in second.jobs] == [old.id]
    assert second.scanned_to is None, "there is nothing older"
    assert services.queries.lists.find(ANA, JobCriteria(text="golf"), limit=2, scan_limit=5).scanned_to is None, (
        "the page is full"
    )


def test_jobs_that_belong_on_a_page_but_are_not_shown_are_counted(
    services: Services, order: Callable[..., Job], database: str
) -> None:
    def missing(shown: list[UUID], limit: int = 50, **chosen: Any) -> int:
        return services.queries.lists.count_missing(ANA, JobCriteria(**chosen), shown, limit)

    old, top = order("Hotel"), order("Hotel")
    shown = [top.id, old.id]
    assert missing(shown) == missing(shown, text="india") == missing(shown, tab="failed") == 0
    new = order("India")
    order("Juliett", Owner(user_id=BEN.user_id))
    assert missing(shown) == missing(shown, text="india") == 1
    assert missing(shown, text="hotel") == missing(shown, tab="failed") == 0
    say(services, old, status="failed", finished_at=later(0))
    assert missing([], tab="failed") == 1, "it has come into the tab"
    assert missing([new.id, top.id], limit=2) == 0, "it is on the second page"
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
    before = services.queries.lists.change_tag(ANA, [own.id, other.id])
    say(services, other, version=9)
    assert services.queries.lists.change_tag(ANA, [own.id, other.id]) == before
    say(services, own, version=9)
    assert services.queries.lists.change_tag(ANA, [own.id, other.id]) != before


def test_the_change_tag_covers_jobs_that_start_outside_the_page(services: Services, make: Callable[..., Job]) -> None:
    before = services.queries.lists.change_tag(ANA, [])
    make(Owner(user_id=BEN.user_id))
    assert services.queries.lists.change_tag(ANA, []) == before
    make(ANAS)
    assert services.queries.lists.change_tag(ANA, []) != before


@pytest.mark.parametrize("count", [0, 3])
def test_the_change_tag_of_a_page_just_read_equals_the_queried_one(
    services: Services, make: Callable[..., Job], count: int, database: str
) -> None:
    for _ in range(count):
        make(ANAS)
    there = services.queries.lists.find(ANA, JobCriteria()).jobs
    assert len(there) == count
    asked = services.queries.lists.change_tag(ANA, [job.id for job in there], JobCriteria(), limit=PAGE)
    assert ListChangeTag.of_page(there, services.queries.lists.count_tabs(ANA)) == asked


EVERY_CHOICE = [
    JobCriteria(tab=tab, ownership=ownership, type_name=kind, text=text)
    for tab in TABS
    for ownership, kind, text in (
        ("", "", ""),
        ("mine", "", ""),
        ("public", "", ""),
        ("", "nothing", ""),
        ("", "", "x"),
    )
]


@pytest.mark.parametrize("viewer", [ANA, AUDITOR], ids=["user", "auditor"])
def test_no_list_scans_the_whole_table(services: Services, viewer: Viewer, database: str) -> None:
    """Twenty thousand jobs, none of them ana's, none public: whatever is chosen is found by an index, in its order."""
    many(services, 20_000, owner=BEN.user_id)
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(finished_at=later(0)))
    analyze(services.engine, "jobs")
    since = services.queries.jobs.now() - timedelta(days=1)
    with recorded(services.engine) as sent:
        for chosen in (*EVERY_CHOICE, JobCriteria(since=since, until=since)):
            services.queries.lists.find(viewer, chosen)
            services.queries.lists.find(viewer, chosen, before=uuid4())
            services.queries.lists.count_missing(viewer, chosen, [uuid4()])
        services.queries.lists.count_tabs(viewer)
        services.queries.lists.change_tag(viewer, [uuid4()])
    for statement, values in {statement: values for statement, values in sent if "FROM" in statement}.items():
        plan = plan_of(services.engine, statement, values)
        assert [line for line in plan.splitlines() if _walks_the_table(line, viewer)] == [], f"{plan}\n{statement}"


def _walks_the_table(line: str, viewer: Viewer) -> bool:
    """Everybody's newest jobs are the end of the primary key; whatever else has no condition is a scan."""
    if "Seq Scan on jobs" in line:
        return True
    allowed = ("ix_jobs_public", "sqlite_autoindex_jobs_1") if viewer.sees_all else ("ix_jobs_public",)
    return "SCAN jobs" in line and not line.endswith(allowed)


def test_a_list_reads_only_its_page(services: Services) -> None:
    """A page among twenty thousand failed and lost jobs stops with the page: SQLite counts its steps."""
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
    assert len(steps) < 400, "of a hundred steps of SQLite's machine each; a walk through all takes over a thousand"
