"""The job of a schedule takes its payload and options, or the run says why there is none."""

import re
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from pydantic import BaseModel, SecretStr, field_validator

from tests.jobs.schedules.test_runner import all_jobs, change, runs
from webapp.accounts.user import Role
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.definition.payload import load_payload
from webapp.jobs.model.job import Owner, Status
from webapp.jobs.schedules.job_factory import CannotStart, PreviousRunUnfinished
from webapp.jobs.schedules.schedule import RunOutcome, Schedule
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Add = Callable[..., Schedule]
Rewind = Callable[..., Schedule]


def test_a_job_takes_the_options_of_its_schedule_and_the_tenant_of_its_owner_now(
    services: Services, add: Add, rewind: Rewind, people: Callable[[], UUID]
) -> None:
    owner = Owner(user_id=people())
    rewind(add(owner=replace(owner, tenant="north"), priority=7, tags=("Nightly",)), minutes=0)
    services.schedule_runner.fire_due()
    [job] = all_jobs(services)
    assert (job.title, job.owner, job.priority, job.tags, job.triggered_by) == ("Nightly", owner, 7, ("nightly",), None)


@pytest.mark.parametrize(
    ("on_duplicate", "one_at_a_time", "outcome"),
    [("reject", False, "busy"), ("queue_after", False, "started"), ("queue_after", True, "busy")],
)
def test_a_scheduled_job_respects_the_unique_key_of_its_type(
    services: Services, add: Add, rewind: Rewind, on_duplicate: str, one_at_a_time: bool, outcome: str
) -> None:
    lone = job_type("lone", title="Lone", unique_key="the only one", on_duplicate=on_duplicate)(_alone)
    services.registry.add(lone)
    holder = services.jobs.create_job("lone")
    schedule = rewind(add(type_name="lone", one_at_a_time=one_at_a_time), minutes=0)
    services.schedule_runner.fire_due()
    [run] = runs(services, schedule)
    assert (run.outcome, run.status) == (outcome, Status.HELD if outcome == "started" else None)
    if outcome == "busy":
        with pytest.raises(PreviousRunUnfinished):
            services.schedule_runner.run_now(schedule)
    services.jobs.cancel(holder.id)
    assert services.schedule_runner.run_now(schedule).type == "lone"


class Empty(BaseModel):
    pass


def _alone(job: object, payload: Empty) -> None:
    """Do nothing."""


class Key(BaseModel):
    key: SecretStr
    days: int = 1

    @field_validator("days")
    @classmethod
    def explode(cls, days: int) -> int:
        return 10 // days


@pytest.fixture
def keyed(services: Services) -> Services:
    services.registry.add(job_type("keyed", title="Keyed")(_keyed))
    return services


def _keyed(job: object, payload: Key) -> None:
    """Do nothing."""


def test_a_secret_is_encrypted_in_the_schedule_and_readable_by_the_job(
    keyed: Services, add: Add, rewind: Rewind
) -> None:
    schedule = rewind(add(type_name="keyed", payload={"key": "hush"}), minutes=0)
    assert "hush" not in str(schedule.payload)
    keyed.schedule_runner.fire_due()
    [job] = all_jobs(keyed)
    loaded = load_payload(keyed.registry.get("keyed"), job.payload, keyed.vault)
    assert isinstance(loaded, Key)
    assert loaded.key.get_secret_value() == "hush"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"type": "gone"}, "There is no job type 'gone'. It was removed or is not installed here."),
        ({"payload": {"days": 2}}, "key: Field required."),
        ({"payload": {"key": "a", "days": 0}}, "ZeroDivisionError: integer division or modulo by zero"),
        ({"payload": {"key": {"$secret": "from another key"}}}, "SECRET_KEY has changed"),
    ],
)
def test_a_schedule_that_cannot_create_its_job_records_why_and_others_fire(
    keyed: Services, add: Add, rewind: Rewind, values: dict[str, object], reason: str
) -> None:
    broken = rewind(add("Broken", "keyed", {"key": "hush"}), minutes=0)
    change(keyed, **values)
    rewind(add("Sound"), minutes=0)
    assert keyed.schedule_runner.fire_due() == 1
    [run] = runs(keyed, broken)
    assert run.outcome is RunOutcome.REFUSED
    assert reason in run.detail
    assert keyed.schedules.get(broken.id).next_fire_at is not None
    with pytest.raises(CannotStart, match=re.escape(reason)):
        keyed.schedule_runner.run_now(keyed.schedules.get(broken.id))


def test_a_schedule_of_a_disabled_type_records_why_it_did_not_run(services: Services, add: Add, rewind: Rewind) -> None:
    due = rewind(add(), minutes=0)
    services.disabled_types.disable("nothing", reason="moving")
    assert services.schedule_runner.fire_due() == 0
    [run] = runs(services, due)
    assert run.outcome is RunOutcome.REFUSED
    assert run.detail == "Job type 'nothing' is disabled: moving."
    with pytest.raises(CannotStart):
        services.schedule_runner.run_now(services.schedules.get(due.id))
    assert all_jobs(services) == ()


def test_a_schedule_whose_owner_lost_the_permission_records_why_it_did_not_run(
    services: Services, add: Add, rewind: Rewind
) -> None:
    services.registry.add(job_type("admins_only", title="Admins only", roles=("admin",))(_alone))
    owner = services.accounts.add("ana", "violet harbour stairs", role=Role.ADMIN)
    schedule = add(type_name="admins_only", owner=Owner(user_id=owner.id))
    assert services.schedule_runner.run_now(schedule).owner.user_id == owner.id
    services.accounts.add("ben", "violet harbour stairs", role=Role.ADMIN)  # the last admin stays one
    services.accounts.set_role("ana", Role.OPERATOR)
    due = rewind(schedule, minutes=0)
    assert services.schedule_runner.fire_due() == 0
    assert [run.detail for run in runs(services, due) if run.outcome is RunOutcome.REFUSED] == [
        "The owner of its jobs no longer has permission to start this type of job."
    ]


def test_a_schedule_of_a_disabled_account_records_why_it_did_not_run(
    services: Services, add: Add, rewind: Rewind
) -> None:
    owner = services.accounts.add("ana", "violet harbour stairs")
    due = rewind(add(owner=Owner(user_id=owner.id)), minutes=0)
    assert services.schedule_runner.refusal(due) == ""
    services.accounts.disable("ana")
    assert services.schedule_runner.fire_due() == 0
    assert [run.detail for run in runs(services, due)] == ["The account of the owner of its jobs is disabled."]
    assert services.schedule_runner.refusal(due) == "The account of the owner of its jobs is disabled."
    assert all_jobs(services) == ()
