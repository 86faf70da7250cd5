"""Unique keys: which job holds a key, and the three policies for duplicates."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from pydantic import BaseModel
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import IntegrityError

from tests.installation import wait_for
from tests.jobs.conftest import LOCATION, run_once
from webapp.db.engine import reading, writing
from webapp.jobs import DuplicateJob, Job, JobContext, OnDuplicate, Status, job_type
from webapp.jobs.lifecycle import cascade, finish_family
from webapp.jobs.lifecycle.finish_attempt import Ending
from webapp.jobs.maintenance.clock_chores import release_jobs_with_free_keys
from webapp.jobs.model.job import BadRequest
from webapp.jobs.store.unique_keys import UniqueKeyTaken
from webapp.schema import claimed_keys, dependencies, jobs
from webapp.services import Services

Make = Callable[..., Job]
pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect(both=True), pytest.mark.partitions]


class Shop(BaseModel):
    """The payload of a type with a unique key."""

    name: str = "north"


@pytest.fixture
def stock(services: Services) -> str:
    def handler(job: JobContext, payload: Shop) -> None:
        """Count the stock."""

    kind = job_type("stock", title="Stock", unique_key=lambda shop: f"stock of {shop.name}", on_duplicate="return")
    services.registry.add(kind(handler))
    return "stock"


def test_a_type_defines_the_key_and_the_policy_for_duplicates(services: Services, stock: str) -> None:
    north = services.jobs.create_job(stock, {"name": "north"})
    assert north.unique_key == "stock of north"
    assert services.jobs.create_job(stock, {"name": "north"}).id == north.id
    assert services.jobs.create_job(stock, {"name": "south"}).id != north.id
    with pytest.raises(DuplicateJob, match="'stock of north' is not finished yet") as refused:
        services.jobs.create_job(stock, {"name": "north"}, on_duplicate="reject")
    assert refused.value.job_id == north.id


def test_a_job_queued_after_another_takes_over_its_key(services: Services, make: Make, lease: UUID) -> None:
    first, second, third = (make(unique_key="k", on_duplicate="queue_after") for _ in range(3))
    assert [services.jobs.get(job.id).status for job in (first, second, third)] == ["queued", "held", "held"]
    for holder, waiting in ((first, second), (second, third)):
        assert run_once(services, "default", lease).id == holder.id
        after = services.jobs.get(waiting.id)
        assert (after.status, after.unique_key, after.next_key) == (Status.QUEUED, "k", None)


@pytest.mark.parametrize("ended", [Status.FAILED, Status.CANCELLED])
def test_the_next_job_starts_after_any_end_of_the_holder(
    services: Services, running: Make, make: Make, ended: Status
) -> None:
    holder = running(unique_key="k")
    second = make(unique_key="k", on_duplicate=OnDuplicate.QUEUE_AFTER)
    with writing(services.engine) as connection:
        finish_family.end_attempt(connection, holder, LOCATION, Ending(status=ended, outcome=ended.value))
    assert services.jobs.get(second.id).status is Status.QUEUED


def test_stopping_a_held_job_does_not_change_the_order(services: Services, make: Make) -> None:
    first, second, third = (make(unique_key="k", on_duplicate="queue_after") for _ in range(3))
    services.jobs.cancel(second.id)
    assert services.jobs.get(third.id).status is Status.HELD
    services.jobs.cancel(first.id)
    assert services.jobs.get(third.id).status is Status.QUEUED


def test_a_stopped_held_job_can_be_retried_only_while_the_key_is_free(services: Services, make: Make) -> None:
    first, second = (make(unique_key="k", on_duplicate="queue_after") for _ in range(2))
    services.jobs.cancel(second.id)
    with pytest.raises(UniqueKeyTaken, match="'k'"):
        services.jobs.retry(second.id)
    services.jobs.cancel(first.id)
    assert services.jobs.retry(second.id).unique_key == "k"


def test_concurrent_duplicates_run_one_after_another(services: Services, make: Make, lease: UUID) -> None:
    with ThreadPoolExecutor(6) as threads:
        made = list(threads.map(lambda _: make(unique_key="k", on_duplicate="queue_after"), range(6)))
    for _ in made:
        assert [services.jobs.get(job.id).status for job in made].count(Status.QUEUED) == 1
        run_once(services, "default", lease)
    assert {services.jobs.get(job.id).status for job in made} == {Status.COMPLETED}


def test_a_job_that_waits_for_other_jobs_too_reserves_the_key(services: Services, make: Make, lease: UUID) -> None:
    holder, other = make(unique_key="k"), make(priority=1000)
    waiting = make(unique_key="k", on_duplicate="queue_after", after=[other.id])
    services.jobs.cancel(holder.id)
    with pytest.raises(DuplicateJob) as refused:
        make(unique_key="k")
    assert refused.value.job_id == waiting.id
    assert make(unique_key="k", on_duplicate="return").id == waiting.id
    with pytest.raises(UniqueKeyTaken) as taken:
        services.jobs.retry(holder.id)
    assert taken.value.job_id == waiting.id
    assert run_once(services, "default", lease).id == other.id
    assert services.jobs.get(waiting.id).unique_key == "k"


def test_a_job_with_the_key_can_follow_one_that_waits_for_it(services: Services, make: Make, lease: UUID) -> None:
    holder, other = make(unique_key="k"), make()
    waiting = make(unique_key="k", on_duplicate="queue_after", after=[other.id])
    services.jobs.cancel(holder.id)
    between = make(after=[waiting.id])
    last = make(unique_key="k", on_duplicate="queue_after", after=[between.id])
    ran = [run_once(services, "default", lease).id for _ in range(4)]
    assert ran == [other.id, waiting.id, between.id, last.id], "with the key at once, it would wait for itself"


def test_a_child_cannot_take_the_key_for_which_its_root_waits(services: Services, make: Make) -> None:
    holder, other = make(unique_key="k"), make()
    root = make(unique_key="k", on_duplicate="queue_after", after=[other.id])
    services.jobs.cancel(holder.id)
    with pytest.raises(DuplicateJob) as refused:
        services.jobs.create_child_job(root.id, "nothing", unique_key="k")
    assert refused.value.job_id == root.id


def test_the_clock_releases_the_second_of_two_jobs_that_wait_and_do_not_know_each_other(
    services: Services, make: Make, lease: UUID
) -> None:
    holder, other = make(unique_key="k"), make(priority=1000)
    second = make(unique_key="k", on_duplicate="queue_after", after=[other.id])
    first = make(unique_key="k", on_duplicate="queue_after")
    with writing(services.engine) as connection:  # as if both had been created at the same moment
        edge = (dependencies.c.job_id == first.id, dependencies.c.after_id == second.id)
        connection.execute(delete(dependencies).where(*edge))
    services.jobs.cancel(holder.id)
    assert services.jobs.get(first.id).unique_key == "k"
    assert run_once(services, "default", lease).id == other.id
    assert services.jobs.get(second.id).status is Status.HELD
    assert release_jobs_with_free_keys(services.engine) == 0
    services.jobs.cancel(first.id)
    assert release_jobs_with_free_keys(services.engine) == 1
    assert services.jobs.get(second.id).unique_key == "k"


def test_a_job_that_is_run_again_has_the_same_key(services: Services, make: Make) -> None:
    first = make(unique_key="k")
    with pytest.raises(DuplicateJob, match="'k'"):
        services.jobs.run_again(first.id)
    services.jobs.cancel(first.id)
    assert services.jobs.run_again(first.id).unique_key == "k"


def test_a_child_with_a_taken_key_is_rejected(services: Services, running: Make, make: Make) -> None:
    make(unique_key="k")
    root = running(priority=1000)
    with pytest.raises(DuplicateJob, match="'k'"):
        services.jobs.add_children(root, [services.jobs.child_of(root, "nothing", None, None, {"unique_key": "k"})])
    assert services.jobs.get(root.id).parts == 0


def test_a_key_that_is_too_long_is_rejected(make: Make) -> None:
    with pytest.raises(BadRequest, match="a text of 1 to 200 characters"):
        make(unique_key="k" * 201)


def test_jobs_with_unique_keys_cannot_be_created_in_bulk(services: Services, stock: str) -> None:
    with pytest.raises(BadRequest, match="one by one"):
        services.jobs.create_many(stock, [{"name": "north"}, {"name": "south"}])


def claimed(services: Services) -> dict[str, UUID]:
    with reading(services.engine) as connection:
        return {row.key: row.job_id for row in connection.execute(select(claimed_keys))}


def test_a_key_is_claimed_until_its_job_ends(services: Services, make: Make, lease: UUID) -> None:
    first, second = make(unique_key="a"), make(unique_key="b", delay=timedelta(hours=1))
    assert claimed(services) == {"a": first.id, "b": second.id}
    assert run_once(services, "default", lease).id == first.id
    assert claimed(services) == {"b": second.id}
    services.jobs.cancel(second.id)
    assert claimed(services) == {}
    services.jobs.retry(second.id)
    assert claimed(services) == {"b": second.id}


def test_a_key_is_free_once_its_job_or_the_root_of_that_is_deleted(
    services: Services, running: Make, make: Make
) -> None:
    make(unique_key="a")
    root = running(priority=1000)
    services.jobs.add_children(root, [services.jobs.child_of(root, "nothing", None, None, {"unique_key": "b"})])
    assert set(claimed(services)) == {"a", "b"}
    with writing(services.engine) as connection:
        connection.execute(delete(jobs).where(jobs.c.root_id.is_(None)))
    assert claimed(services) == {}


def test_a_statement_that_gives_a_job_another_key_claims_that_one(services: Services, make: Make) -> None:
    job, other = make(unique_key="a"), make(unique_key="b")
    change = update(jobs).where(jobs.c.id == job.id)
    with pytest.raises(IntegrityError), writing(services.engine) as connection:
        connection.execute(change.values(unique_key="b"))
    with writing(services.engine) as connection:
        connection.execute(change.values(unique_key="c"))
    assert claimed(services) == {"b": other.id, "c": job.id}
    with writing(services.engine) as connection:
        connection.execute(change.values(unique_key=None))
    assert claimed(services) == {"b": other.id}


class TestOnPostgreSQL:
    """SQLite has one writer at a time anyway."""

    @pytest.fixture
    def database(self) -> str:
        return "postgresql"

    def test_a_creator_waits_for_the_transaction_that_ends_the_holder(
        self, services: Services, make: Make, database: str
    ) -> None:
        blocked = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'")
        holder = make(unique_key="a")
        with ThreadPoolExecutor(1) as threads:
            with writing(services.engine) as connection:
                cascade.cancel_unstarted(connection, jobs.c.id == holder.id)
                created = threads.submit(make, unique_key="a")
                wait_for(lambda: bool(connection.execute(blocked).scalar_one()))
            newcomer = created.result()
        assert claimed(services) == {"a": newcomer.id}
