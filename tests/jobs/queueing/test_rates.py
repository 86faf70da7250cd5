from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import BaseModel
from sqlalchemy import func, select, update

from tests.jobs.conftest import HOLDER, LOCATION, Nothing, end
from tests.jobs.statements import analyze, plan_of, recorded
from webapp.db.engine import reading, writing
from webapp.fault_injection import Fault, arm
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.editing.job_edit import JobEdit
from webapp.jobs.execution.context import JobContext
from webapp.jobs.invariants.limits import over_rate
from webapp.jobs.model.job import BadRequest, EventName, Job, Owner, Status
from webapp.jobs.model.policies import Limits
from webapp.jobs.model.rate import Rate
from webapp.jobs.queueing.claim import Claims
from webapp.jobs.queueing.rates import admit_due, prune_starts, uses_of
from webapp.schema import jobs, later, rate_starts, rate_waits
from webapp.services import Services

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect]
HOUR = timedelta(hours=1)


class Letter(BaseModel):
    customer: int | None = None


@pytest.fixture
def claims(services: Services) -> Claims:
    """Let two jobs per hour start: of the type "mail", of each owner of "export", and of each customer of "letter"."""

    def handler(job: JobContext, payload: Nothing) -> None:
        """Do nothing."""

    def write(job: JobContext, payload: Letter) -> None:
        """Do nothing."""

    add = services.registry.add
    add(job_type("mail", title="Mail", max_per=Rate(2, HOUR), max_attempts=5)(handler))
    add(job_type("export", title="Export", max_per=Rate(2, HOUR, by="owner"))(handler))
    add(job_type("letter", title="Letter", max_per=Rate(2, HOUR, by=lambda letter: letter.customer))(write))
    return Claims(services.engine, limits_of(services))


def limits_of(services: Services) -> dict[str, Limits]:
    return {each.name: each.limits for each in services.registry}


def take(services: Services, claims: Claims) -> Job | None:
    return claims.claim("default", services.leases.open(HOLDER, "default"), fresh=True)


def take_all(services: Services, claims: Claims) -> list[Job]:
    return list(iter(lambda: take(services, claims), None))


def let_pass(services: Services, period: timedelta) -> int:
    """Move the counted starts into the past, and let the clock look."""
    with writing(services.engine) as connection:
        for row in connection.execute(select(rate_starts)).all():
            this = (rate_starts.c.rate_key == row.rate_key, rate_starts.c.number == row.number)
            connection.execute(update(rate_starts).where(*this).values(started_at=row.started_at - period))
        for row in connection.execute(select(rate_waits)).all():
            this_key = rate_waits.c.rate_key == row.rate_key
            connection.execute(update(rate_waits).where(this_key).values(next_at=row.next_at - period))
    return admit_due(services.engine, limits_of(services))


def waiting(services: Services) -> int:
    with reading(services.engine) as connection:
        rows = connection.execute(select(jobs)).all()
    return sum(services.jobs.get(row.id).waits_for_rate for row in rows)


def test_no_more_jobs_of_a_type_start_in_a_period_than_its_rate(services: Services, claims: Claims) -> None:
    services.jobs.create_many("mail", [{}] * 5)
    assert len(take_all(services, claims)) == 2
    assert waiting(services) == 3
    assert let_pass(services, HOUR - timedelta(minutes=1)) == 0
    assert let_pass(services, timedelta(minutes=1)) == 2
    assert len(take_all(services, claims)) == 2
    assert waiting(services) == 1


def test_the_period_slides(services: Services, claims: Claims) -> None:
    services.jobs.create_many("mail", [{}] * 5)
    assert take(services, claims)
    let_pass(services, HOUR / 2)
    assert len(take_all(services, claims)) == 1
    assert let_pass(services, HOUR / 2) == 1, "only the first start is an hour old"
    assert len(take_all(services, claims)) == 1
    assert let_pass(services, HOUR / 2) == 1


def test_other_jobs_do_not_wait_for_a_rate(services: Services, claims: Claims) -> None:
    services.jobs.create_many("mail", [{}] * 3, priority=200)
    services.jobs.create_job("nothing")
    assert [job.type for job in take_all(services, claims)] == ["mail", "mail", "nothing"]


def test_the_order_of_the_claim_holds_while_jobs_have_a_rate(services: Services, claims: Claims) -> None:
    services.jobs.create_job("nothing")
    services.jobs.create_job("mail", priority=200)
    services.jobs.create_job("nothing", priority=300)
    assert [job.type for job in take_all(services, claims)] == ["nothing", "mail", "nothing"]


def test_the_most_urgent_of_the_waiting_jobs_starts_next(services: Services, claims: Claims) -> None:
    services.jobs.create_many("mail", [{}] * 4)
    take_all(services, claims)
    urgent = services.jobs.create_job("mail", priority=300)
    assert take(services, claims) is None
    let_pass(services, HOUR)
    assert take_all(services, claims)[0].id == urgent.id


def test_each_owner_has_a_rate(services: Services, claims: Claims, people: Callable[[], UUID]) -> None:
    owners = [Owner(user_id=people()), Owner(user_id=people()), Owner()]
    for owner in owners:
        services.jobs.create_many("export", [{}] * 3, owner=owner)
    taken = take_all(services, claims)
    assert sorted(str(job.owner.user_id) for job in taken) == sorted(2 * [str(owner.user_id) for owner in owners])


def test_each_key_of_the_payload_has_a_rate(services: Services, claims: Claims) -> None:
    services.jobs.create_many("letter", [{"customer": customer} for customer in (7, 7, 7, 8, None, None, None)])
    taken = take_all(services, claims)
    assert sorted(str(job.payload["customer"]) for job in taken) == ["7", "7", "8", "None", "None", "None"]


def test_a_retry_is_a_start_and_a_slice_is_none(services: Services, claims: Claims) -> None:
    services.jobs.create_many("mail", [{}] * 2)
    first = take(services, claims)
    assert first
    end(services, first, Status.QUEUED, outcome=EventName.CONTINUED)
    continued = take(services, claims)
    assert continued
    assert (continued.id, continued.attempt) == (first.id, 2)
    end(services, continued, Status.QUEUED, outcome=EventName.INTERRUPTED)
    assert take(services, claims), "the second start"
    assert take(services, claims) is None


@pytest.mark.dialect(both=True)
def test_rates_are_exact_with_many_workers(services: Services, claims: Claims) -> None:
    services.jobs.create_many("mail", [{}] * 20)
    leases = [services.leases.open(HOLDER, "default") for _ in range(16)]
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda lease: claims.claim("default", lease, fresh=True), leases))
    assert sum(job is not None for job in taken) == 2


def test_the_claim_with_the_end_of_a_job_leaves_jobs_with_a_rate_alone(services: Services, claims: Claims) -> None:
    services.jobs.create_many("nothing", [{}] * 2)
    services.jobs.create_many("mail", [{}] * 3)
    lease = services.leases.open(HOLDER, "default")
    while services.work_horse().drain("default", lease, LOCATION):
        continue
    with reading(services.engine) as connection:
        completed = select(jobs.c.type, func.count()).where(jobs.c.status == "completed").group_by(jobs.c.type)
        assert dict(connection.execute(completed).all()) == {"nothing": 2, "mail": 2}


def test_a_job_cannot_be_run_by_hand_beyond_its_rate(services: Services, claims: Claims) -> None:
    ids = services.jobs.create_many("mail", [{}] * 3)
    take_all(services, claims)
    assert claims.claim_one(ids[-1], "default", services.leases.open(HOLDER, "default")) is None


@pytest.mark.dialect(both=True)
def test_jobs_of_a_type_without_a_rate_need_no_statement_more(services: Services, claims: Claims) -> None:
    services.jobs.create_job("nothing")
    with recorded(services.engine) as with_rates:
        take(services, claims)
    services.jobs.create_job("nothing")
    with recorded(services.engine) as without:
        take(services, Claims(services.engine, {}))
    assert len(with_rates) == len(without)


@pytest.mark.dialect(both=True)
def test_queued_jobs_with_a_rate_are_found_by_an_index_of_their_own(services: Services) -> None:
    services.jobs.create_many("nothing", [{}] * 100)
    analyze(services.engine, "jobs")
    with recorded(services.engine) as sent:
        take(services, services.claims)
    [plan] = [plan_of(services.engine, *each) for each in sent if "rate_key IS NOT NULL" in each[0]]
    assert "ix_jobs_rated" in plan


def test_a_job_with_another_key_does_not_wait_for_the_rate_of_the_old_one(services: Services, claims: Claims) -> None:
    ids = services.jobs.create_many("letter", [{"customer": 7}] * 3)
    take_all(services, claims)
    assert services.jobs.get(ids[-1]).waits_for_rate
    _, edited = services.job_editor.edit(ids[-1], JobEdit(payload={"customer": 8}))
    assert edited.rate_key == "letter/8"
    assert not edited.waits_for_rate


def test_jobs_wait_in_a_paused_queue_without_keeping_those_in_others(services: Services, claims: Claims) -> None:
    services.queues.add("other")
    services.jobs.create_many("mail", [{}] * 4)
    services.jobs.create_many("mail", [{}] * 2, queue="other")
    take_all(services, claims)
    assert claims.claim("other", services.leases.open(HOLDER, "other"), fresh=True) is None
    services.queues.pause("default")
    let_pass(services, HOUR)
    assert claims.claim("other", services.leases.open(HOLDER, "other"), fresh=True)


def test_jobs_of_a_type_that_has_no_rate_any_more_do_not_wait(services: Services, claims: Claims) -> None:
    services.jobs.create_many("mail", [{}] * 4)
    take_all(services, claims)
    with writing(services.engine) as connection:
        connection.execute(update(rate_waits).values(next_at=later(-1)))
    assert admit_due(services.engine, {}) == 2
    assert len(take_all(services, Claims(services.engine, {}))) == 2


def test_cancelled_jobs_do_not_use_up_a_rate(services: Services, claims: Claims) -> None:
    ids = services.jobs.create_many("mail", [{}] * 5)
    take_all(services, claims)
    services.jobs.cancel_many(ids[-3:-1])
    assert let_pass(services, HOUR) == 1
    assert [job.id for job in take_all(services, claims)] == [ids[-1]]


def test_a_start_counts_although_its_job_is_deleted(services: Services, claims: Claims) -> None:
    services.jobs.create_many("mail", [{}] * 3)
    for job in take_all(services, claims):
        end(services, job)
        services.jobs.delete(job.id)
    assert take(services, claims) is None


def test_old_starts_are_deleted_and_young_ones_kept(services: Services, claims: Claims) -> None:
    services.jobs.create_many("mail", [{}] * 2)
    take_all(services, claims)
    let_pass(services, HOUR)
    assert prune_starts(services.engine) == 0
    let_pass(services, HOUR)
    assert prune_starts(services.engine, only_count=True) == 2
    assert prune_starts(services.engine) == 2


def test_a_key_that_is_none_is_refused(services: Services) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        """Do nothing."""

    services.registry.add(job_type("odd", title="Odd", max_per=Rate(1, HOUR, by=lambda payload: [1]))(handler))  # type: ignore[arg-type,return-value]
    with pytest.raises(BadRequest, match="The key of a rate must be a text"):
        services.jobs.create_job("odd")


@pytest.mark.parametrize("point", ["claim.commit", "rate.wait", "rate.admit"])
def test_a_fault_at_any_boundary_loses_no_job_and_exceeds_no_rate(
    services: Services, claims: Claims, tmp_path: Path, point: str
) -> None:
    services.jobs.create_many("mail", [{}] * 3)
    (tmp_path / point).write_text("raise")
    arm(tmp_path)
    try:
        with pytest.raises(Fault):
            take_all(services, claims)
            let_pass(services, HOUR)
    finally:
        arm(None)
    taken = [job for job in map(services.jobs.get, all_ids(services)) if job.is_running]
    taken += take_all(services, claims)
    assert len(taken) == 2
    let_pass(services, HOUR)
    assert len(take_all(services, claims)) == 1
    assert exceeded(services) == []


def test_waiting_jobs_say_when_they_may_start(services: Services, claims: Claims) -> None:
    ids = services.jobs.create_many("mail", [{}] * 6)
    take_all(services, claims)
    with reading(services.engine) as connection:
        first, second = connection.execute(select(rate_starts.c.started_at).order_by(rate_starts.c.number)).scalars()
    may_start = [services.queries.estimates.may_start(services.jobs.get(job_id)) for job_id in ids]
    assert may_start == [None, None, first + HOUR, second + HOUR, first + 2 * HOUR, second + 2 * HOUR]


def test_the_use_of_a_rate_is_that_of_the_period_that_ends_now(services: Services, claims: Claims) -> None:
    services.jobs.create_many("letter", [{"customer": customer} for customer in (7, 7, 8)])
    take_all(services, claims)
    rate = services.registry.rate_of("letter")
    assert rate
    assert uses_of(services.engine, "letter", rate) == (("letter/7", 2), ("letter/8", 1))
    let_pass(services, HOUR)
    assert uses_of(services.engine, "letter", rate) == ()


def all_ids(services: Services) -> list[UUID]:
    with reading(services.engine) as connection:
        return list(connection.execute(select(jobs.c.id)).scalars())


def exceeded(services: Services) -> list[object]:
    with reading(services.engine) as connection:
        return list(connection.execute(over_rate()).all())
