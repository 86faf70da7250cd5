"""The job policy and its SQL agree: every kind of job for every kind of user, through every read that asks for both."""

from collections.abc import Callable
from itertools import product
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update
from uuid_utils.compat import uuid7

from tests.jobs.queries.test_visible_jobs import many
from tests.jobs.statements import analyze, plan_of, recorded
from webapp.db.engine import is_sqlite, writing
from webapp.jobs.model.job import EventName, Job, Owner, Status
from webapp.jobs.model.job_policy import JobPolicy
from webapp.jobs.queries.criteria import JobCriteria
from webapp.jobs.queries.history import HistoryCriteria, JobHistory
from webapp.jobs.queries.visible_jobs import TABS
from webapp.jobs.store import events
from webapp.jobs.store.job_store import JobNotFound, JobStore
from webapp.schema import jobs
from webapp.services import Services
from webapp.user_policy import viewer_of

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect]

ANA, BEN = uuid4(), uuid4()
TENANTS = (None, "north", "south")
GROUPS = ((), ("Finance",), ("Finance", "Sales"), ("Finance", *"ABCDEFGH"))
SHARES = (None, "Finance", "Sales", "Former")
OWNERS = ((ANA, False), (BEN, False), (None, False), (None, True))
POLICIES = [
    JobPolicy(user_id=ANA, sees_all=sees_all, tenant=tenant, groups=frozenset(groups))
    for sees_all, tenant, groups in product((False, True), TENANTS, GROUPS)
]


def every_job(services: Services) -> list[Job]:
    """Insert a root and its child of every kind."""
    found = []
    for (owner_id, public), tenant, shared in product(OWNERS, TENANTS, SHARES):
        owner = Owner(user_id=owner_id, public=public, tenant=tenant)
        root = Job(id=uuid7(), type="nothing", title="T", status=Status.WAITING, owner=owner, shared_with=shared)
        child = Job(
            id=uuid7(),
            type="nothing",
            title="xylophone",
            status=Status.QUEUED,
            owner=owner,
            shared_with=shared,
            root_id=root.id,
            message="glockenspiel",
        )
        found += [root, child]
    with writing(services.engine) as connection:
        for levels in (found[::2], found[1::2]):
            JobStore(services.engine).insert(connection, levels)
        events.insert(connection, events.rows_of(found, EventName.CREATED))
    return found


def seen(policy: JobPolicy, job: Job) -> bool:
    return policy.sees(job.owner.user_id, job.tenant, public=job.public, shared_with=job.shared_with)


def test_every_read_finds_what_the_policy_lets_a_user_see(services: Services, thorough: bool) -> None:
    """By default, some of the policies: each of their parts occurs."""
    every = every_job(services)
    queries, most = services.queries, len(every) + 1
    criteria = HistoryCriteria(before=queries.jobs.now())
    for policy in POLICIES if thorough else POLICIES[::5]:
        viewer = viewer_of(policy)
        visible = {job.id for job in every if seen(policy, job)}
        roots = {job.id for job in every if job.id in visible and job.root_id is None}
        children = JobCriteria(with_children=False)

        def found(*, narrowed: JobCriteria) -> set[UUID]:
            page = queries.lists.find(viewer, narrowed, limit=most).jobs  # noqa: B023  (called at once)
            assert len({job.id for job in page}) == len(page), "no job is listed twice"
            return {job.id for job in page}

        assert found(narrowed=JobCriteria()) == visible, policy
        assert found(narrowed=children) == roots, policy
        assert found(narrowed=JobCriteria(tab="waiting")) == visible - roots, policy
        assert queries.lists.find_by_ids(viewer, [job.id for job in every]).keys() == visible, policy
        versions = queries.lists.versions(viewer, JobCriteria(), limit=most)
        assert {UUID(job_id) for job_id, _ in versions or ()} == visible, policy
        assert JobHistory(services.engine, viewer).count(criteria) == len(visible), policy
        shown = [job.id.hex for job in every]
        assert queries.polled.of_list(viewer, shown).tag.text.count(f"-({len(visible)}, ") == 1, policy
        feed = queries.events.after(viewer, 0, 1000).events
        assert {event.job_id for event in feed} == visible, policy
        counted = queries.lists.count_tabs(viewer)
        assert (counted["running"], counted["waiting"]) == (len(roots), len(visible - roots)), policy
        shared = {job.id for job in every if policy.is_shared(job.shared_with, job.tenant)}
        assert found(narrowed=JobCriteria(ownership="shared")) == shared, policy
        read = {job.id for job in every if job.id in visible and job.root_id and policy.may_open(job)}
        assert found(narrowed=JobCriteria(text="glockenspiel")) == read, policy
        assert found(narrowed=JobCriteria(text="xylophone")) == visible - roots, policy


def test_a_single_read_finds_what_the_policy_lets_a_user_see(services: Services) -> None:
    every = every_job(services)
    for policy in POLICIES[::5]:
        viewer = viewer_of(policy)
        for job in every[::3]:
            for read in (services.queries.jobs.get_visible, services.queries.polled.of_job):
                try:
                    read(viewer, job.id)
                    assert seen(policy, job), (policy, job)
                except JobNotFound:
                    assert not seen(policy, job), (policy, job)


@pytest.mark.parametrize("groups", [1, 9])
@pytest.mark.dialect(both=True)
def test_shared_jobs_are_read_from_their_indexes(services: Services, make: Callable[..., Job], groups: int) -> None:
    many(services, 20_000, owner=BEN)
    names = [f"Group {number}" for number in range(groups)]
    with writing(services.engine) as connection:
        newest = select(jobs.c.id).order_by(jobs.c.id.desc()).limit(500).scalar_subquery()
        connection.execute(update(jobs).where(jobs.c.id.in_(newest)).values(shared_with=names[0]))
    analyze(services.engine, "jobs")
    viewer = viewer_of(JobPolicy(user_id=ANA, groups=frozenset(names)))
    with recorded(services.engine) as statements:
        for tab in TABS:
            page = services.queries.lists.find(viewer, JobCriteria(tab=tab, with_children=False)).jobs
            assert len(page) == (50 if tab in {"all", "done"} else 0)
        services.queries.lists.count_tabs(viewer, with_children=False)
        services.queries.polled.of_list(viewer, [page[0].id.hex] if page else [], limit=50)
    for statement, values in statements:
        plan = plan_of(services.engine, statement, values)
        scans = [line for line in plan.splitlines() if "SCAN jobs" in line or "Seq Scan on jobs" in line]
        # the index of public jobs may be scanned, as it has nothing else
        assert [line for line in scans if "USING INDEX ix_jobs" not in line] == [], statement
    listed = [plan_of(services.engine, *each) for each in statements if "shared_with" in each[0]]
    assert len(listed) > len(TABS)
    if is_sqlite(services.engine):  # PostgreSQL has better plans for what its statistics show to be rare
        assert [plan for plan in listed if "_shared" not in plan] == []
