"""What one process with a clock that is an hour off decides and writes, with a database whose clock is right."""

import io
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel
from sqlalchemy import update

from tests.wrong_clock import AHEAD, BEHIND, BOTH_WAYS, wrong_clock
from webapp.accounts.tokens import Scope
from webapp.accounts.user import User
from webapp.db.engine import writing
from webapp.inbound.reception import WebhookRequest
from webapp.inbound.signature import sign
from webapp.inbound.webhook import WebhookDraft
from webapp.jobs.budgets.admission import BudgetUsedUp
from webapp.jobs.budgets.budget import MonthlyBudget
from webapp.jobs.budgets.month import Month
from webapp.jobs.budgets.service import Budgets
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.editing.job_edit import JobEdit
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.approval import Approval
from webapp.jobs.model.job import Job, Owner
from webapp.jobs.queries.criteria import JobCriteria
from webapp.jobs.queries.visible_jobs import Viewer
from webapp.jobs.schedules.draft import ScheduleDraft
from webapp.jobs.schedules.schedule import Schedule
from webapp.processes.clock import MAINTENANCE, Clock
from webapp.schema import api_tokens, attachments, jobs, later, schedules
from webapp.services import Services

pytestmark = pytest.mark.dialect
MINUTE = timedelta(minutes=1)
NEAR = timedelta(minutes=5)


class Nothing(BaseModel):
    amount: int = 1


@pytest.fixture(autouse=True)
def _on_each_database(database: str) -> None:
    """Run each test on both databases."""


@pytest.fixture
def owner(person: Callable[..., User]) -> Owner:
    return Owner(user_id=person("ana").id)


@pytest.fixture
def schedule(services: Services) -> Schedule:
    @job_type("tick", title="Tick")
    def tick(_job: JobContext, _payload: Nothing) -> None:
        """Do nothing."""

    services.registry.add(tick)
    return services.schedules.add("tick", {}, ScheduleDraft(name="Each minute", rule="* * * * *", zone="UTC"))


def of_type(services: Services, name: str) -> list[Job]:
    return [job for job in services.queries.all_jobs.newest(50) if job.type == name]


def set_next(services: Services, away: timedelta) -> datetime:
    """Let the schedule be due so far from now, at a whole minute, as its rule says."""
    at = (services.queries.jobs.now() + away).replace(second=0, microsecond=0)
    with writing(services.engine) as connection:
        connection.execute(update(schedules).values(next_fire_at=at))
    return at


@BOTH_WAYS
def test_a_schedule_fires_when_it_is_due_and_once(services: Services, schedule: Schedule, by: timedelta) -> None:
    right = Clock(services)
    with wrong_clock(by):
        wrong = Clock(services)
        set_next(services, 10 * MINUTE)
        wrong.tick()
        assert of_type(services, schedule.type) == []  # ten minutes early
    due = set_next(services, timedelta(0))
    with wrong_clock(by):
        wrong.tick()
    right.tick()
    with wrong_clock(by):
        wrong.tick()
    fired = [run.fire_at for run in services.run_history.of_schedule(schedule.id, 10)]  # a minute can end meanwhile
    assert due in fired
    assert len(set(fired)) == len(fired) == len(of_type(services, schedule.type))
    following, now = services.schedules.get(schedule.id).next_fire_at, services.queries.jobs.now()
    assert following is not None
    assert all(abs(at - now) < NEAR for at in (*fired, following))


@BOTH_WAYS
def test_maintenance_starts_once_an_hour(services: Services, by: timedelta) -> None:
    for _ in range(2):
        Clock(services).tick()
        _end_all(services)
        with wrong_clock(by - MINUTE):
            Clock(services).tick()
            _end_all(services)
        assert len(of_type(services, MAINTENANCE)) == 1
    _age(services, timedelta(hours=1, minutes=1))
    with wrong_clock(by - MINUTE):
        for _ in range(3):  # its id can be lower than that of the one before
            Clock(services).tick()
            _end_all(services)
    Clock(services).tick()
    assert len(of_type(services, MAINTENANCE)) == 2


def _end_all(services: Services) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(status="completed", finished_at=later(0), unique_key=None))


def _age(services: Services, by: timedelta) -> None:
    [job] = of_type(services, MAINTENANCE)
    with writing(services.engine) as connection:
        values = {"created_at": job.created_at - by}
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(**values))


@BOTH_WAYS
def test_nothing_is_deleted_early(services: Services, by: timedelta) -> None:
    pruner, half_an_hour = services.pruner, timedelta(minutes=30)
    young, old = (services.jobs.create_job("job_history_export", {"format": "csv"}) for _ in range(2))
    with writing(services.engine) as connection:
        for job, sooner in ((young, half_an_hour), (old, -half_an_hour)):
            ended = later((sooner - pruner.retention).total_seconds())
            values = {"status": "completed", "created_at": ended, "started_at": ended, "finished_at": ended}
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(**values))
    file = services.files.receive(io.BytesIO(b"abc"), "a.txt")  # whose row another process has not committed yet
    with wrong_clock(by):
        pruner.prune()
        pruner.sweep_orphans()
        assert services.files.has(file.id)
    assert [job.id for job in services.queries.all_jobs.newest(10)] == [young.id]


@BOTH_WAYS
def test_a_file_expires_by_the_clock_of_the_database(services: Services, by: timedelta) -> None:
    job = services.jobs.create_job("job_history_export", {"format": "csv"})
    file, other = (services.files.receive(io.BytesIO(b"abc"), "a.txt") for _ in range(2))
    with writing(services.engine) as connection:
        for each, minutes in ((file, 30), (other, -30)):
            row = {"id": each.id, "job_id": job.id, "attempt": 1, "role": "output", "name": each.id.hex}
            row |= {"media_type": "text/plain", "size": each.size, "sha256": each.sha256}
            row |= {"expires_at": later(minutes * 60.0), "created_at": later(0)}
            connection.execute(attachments.insert().values(**row))
    with wrong_clock(by):
        services.pruner.expire_files()
    assert (services.files.has(file.id), services.files.has(other.id)) == (True, False)


@BOTH_WAYS
def test_an_approval_ends_when_its_period_is_over(services: Services, owner: Owner, by: timedelta) -> None:
    period = timedelta(days=2)

    @job_type("payment", title="Payment", approval=Approval(expires=period))
    def pay(_job: JobContext, _payload: Nothing) -> None:
        """Pay nothing."""

    services.registry.add(pay)
    with wrong_clock(by):
        first = services.jobs.create_job("payment", {}, owner=owner)
        many = services.jobs.create_many("payment", [{}, {"amount": 2}], owner=owner)
        again = services.jobs.run_again(first.id)
        before = services.jobs.create_job("payment", {}, owner=owner)
        _old, edited = services.job_editor.edit(before.id, JobEdit(payload={"amount": 3}))
    for job in (first, again, edited, *map(services.jobs.get, many)):
        assert job.approval_ends_at is not None
        assert abs(job.approval_ends_at - job.created_at - period) < NEAR


@pytest.mark.parametrize("by", [AHEAD, BEHIND, timedelta(days=26), timedelta(days=-26)], ids=str)
def test_a_job_counts_in_the_month_of_the_database(services: Services, owner: Owner, by: timedelta) -> None:
    zone = ZoneInfo("Europe/Madrid")
    budgets = Budgets(services.engine, MonthlyBudget(jobs=2), zone)
    budgets.count_new_jobs()
    month = Month.of(services.queries.jobs.now(), zone)
    assert owner.user_id is not None
    with wrong_clock(by):
        for _ in range(2):
            services.jobs.create_job("job_history_export", {"format": "csv"}, owner=owner)
        with pytest.raises(BudgetUsedUp) as refused:
            services.jobs.create_job("job_history_export", {"format": "csv"}, owner=owner)
        assert refused.value.until == month.ends_at
        assert budgets.month() == month
    with pytest.raises(BudgetUsedUp):
        services.jobs.create_job("job_history_export", {"format": "csv"}, owner=owner)
    assert [(name, usage.jobs) for name, usage in budgets.history(owner.user_id)] == [(month.name, 2)]


@BOTH_WAYS
def test_a_token_expires_by_the_clock_of_the_database(services: Services, user: User, by: timedelta) -> None:
    with wrong_clock(by):
        token, text = services.tokens.add(user, name="ci", scopes=[Scope.READ], lasts=timedelta(minutes=30))
        assert services.tokens.find(text, address="") is not None
    assert services.tokens.find(text, address="") is not None
    with writing(services.engine) as connection:
        connection.execute(update(api_tokens).where(api_tokens.c.id == token.id).values(expires_at=later(-1800)))
    with wrong_clock(by):
        assert Services(services.settings, services.engine).build().tokens.find(text, address="") is None


@BOTH_WAYS
def test_a_signed_message_is_accepted_by_the_clock_of_the_database(
    services: Services, person: Callable[..., User], by: timedelta
) -> None:
    services.accounts.add_service("robot", role="user")
    draft = WebhookDraft(name="orders", type="job_history_export", account="robot")
    webhook, secret = services.webhooks.add(draft)
    body = b'{"format": "csv"}'

    def answer(sent_at: datetime) -> Any:
        name = uuid4().hex
        headers = sign(webhook.scheme, secret, body, header="", message_id=name, now=sent_at.timestamp())
        request = WebhookRequest(headers=headers, body=body, size=len(body), address="192.0.2.7")
        with wrong_clock(by):
            return services.reception.receive(webhook.id, request, lambda _key, _limit: 0)

    assert answer(services.queries.jobs.now()).status == 202
    refused = answer(services.queries.jobs.now() + by)
    assert (refused.status, "away from the time here" in refused.detail) == (401, True)


@BOTH_WAYS
def test_a_filter_by_time_finds_jobs_whose_ids_were_made_by_a_wrong_clock(services: Services, by: timedelta) -> None:
    with wrong_clock(by):
        job = services.jobs.create_job("job_history_export", {"format": "csv"})
    viewer = Viewer(user_id=uuid4(), sees_all=True)

    def found(**bounds: datetime) -> list[UUID]:
        return [each.id for each in services.queries.lists.find(viewer, JobCriteria(**bounds), limit=10).jobs]

    assert found(since=job.created_at - MINUTE) == [job.id]
    assert found(since=job.created_at + MINUTE) == []
    assert found(until=job.created_at + MINUTE) == [job.id]
    assert found(until=job.created_at - MINUTE) == []
