from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel
from sqlalchemy import func, select

from webapp.jobs.definition.job_type import InvalidPayload, job_type
from webapp.jobs.definition.registry import UnknownJobType
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.job import Owner
from webapp.jobs.schedules.cron_rule import CronRule
from webapp.jobs.schedules.draft import InvalidSchedule, ScheduleDraft
from webapp.jobs.schedules.schedule import Schedule
from webapp.jobs.schedules.service import ScheduleNotFound, StaleSchedule
from webapp.schema import schedules
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Add = Callable[..., Schedule]
DRAFT = ScheduleDraft(name="Nightly", rule="0 2 * * *", zone="Europe/Madrid")


def count(services: Services) -> int:
    with services.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(schedules)).scalar_one()


def test_a_schedule_is_stored_as_given(services: Services, people: Callable[[], UUID]) -> None:
    owner, creator = Owner(user_id=people(), tenant="north"), people()
    draft = replace(DRAFT, missed="all", one_at_a_time=True, queue="default", priority=7, owner=owner)
    created = services.schedules.add("nothing", {}, draft, by=creator)
    assert (created.name, created.type, created.rule) == ("Nightly", "nothing", CronRule("0 2 * * *", "Europe/Madrid"))
    assert (created.missed, created.one_at_a_time, created.queue, created.priority) == ("all", True, "default", 7)
    assert (created.owner, created.created_by, created.is_paused) == (owner, creator, False)
    assert created.next_fire_at == created.rule.after(created.created_at)
    assert services.schedules.get_by_name("Nightly") == created
    assert services.schedules.all() == (created,)


def test_an_invalid_payload_and_an_unknown_type_are_refused(services: Services) -> None:
    with pytest.raises(InvalidPayload):
        services.schedules.add("maintenance", {"dry_run": "perhaps"}, DRAFT)
    with pytest.raises(UnknownJobType):
        services.schedules.add("gone", {}, DRAFT)
    assert count(services) == 0


def test_a_name_is_unique(services: Services, add: Add) -> None:
    add("Nightly")
    other = add("Weekly")
    for add_again in (lambda: add("Nightly "), lambda: services.schedules.change(other, DRAFT)):
        with pytest.raises(InvalidSchedule, match="A schedule named 'Nightly' already exists"):
            add_again()


class Place(BaseModel):
    place: str = "here"


def test_a_second_schedule_of_the_same_job_is_refused(services: Services, add: Add) -> None:
    def handler(job: JobContext, payload: Place) -> None:
        """Do nothing."""

    by_place = job_type("counting", title="Count", unique_key=lambda payload: f"count:{payload.place}")
    services.registry.add(by_place(handler))
    services.registry.add(job_type("waiting", title="W", unique_key="w", on_duplicate="queue_after")(handler))
    first = add("Nightly", "counting")
    other = add("Nightly there", "counting", {"place": "there"})
    for add_again in (
        lambda: add("Weekly", "counting", {"place": "here"}),
        lambda: services.schedules.change(other, replace(DRAFT, name="Weekly"), payload={"place": "here"}),
    ):
        with pytest.raises(InvalidSchedule, match="The schedule 'Nightly' starts the same job already"):
            add_again()
    assert services.schedules.change(first, DRAFT, payload={"place": "here"}).id == first.id
    add("Daily", "waiting")
    add("Hourly", "waiting")  # each job waits for the one before


def test_a_change_keeps_the_payload_and_computes_the_next_time(services: Services) -> None:
    created = services.schedules.add("maintenance", {"dry_run": True}, DRAFT)
    changed = services.schedules.change(created, replace(DRAFT, rule="0 3 * * *"), by=uuid4())
    assert changed.payload == {"dry_run": True}
    assert changed.next_fire_at != created.next_fire_at
    assert changed.changed_at
    again = services.schedules.change(changed, replace(DRAFT, rule="0 3 * * *", name="Other"), payload={})
    assert again.payload == {"dry_run": False}
    assert again.next_fire_at == changed.next_fire_at


def test_a_change_of_an_outdated_schedule_is_refused(services: Services, add: Add) -> None:
    old = add()
    services.schedules.change(old, DRAFT)
    for change_again in (lambda: services.schedules.change(old, DRAFT), lambda: services.schedules.pause(old)):
        with pytest.raises(StaleSchedule, match="was changed by someone else"):
            change_again()


def test_a_pause_has_a_reason_and_a_resumed_schedule_does_not_catch_up(services: Services, add: Add) -> None:
    person = uuid4()
    paused = services.schedules.pause(add(), reason=" Moving ", by=person)
    assert (paused.is_paused, paused.paused_by, paused.paused_why) == (True, person, "Moving")
    assert paused.next_fire_at is None
    changed = services.schedules.change(paused, DRAFT)
    assert changed.next_fire_at is None, "a change does not resume it"
    resumed = services.schedules.resume(changed)
    assert (resumed.is_paused, resumed.paused_by, resumed.paused_why) == (False, None, "")
    assert resumed.next_fire_at
    assert resumed.changed_at
    assert resumed.next_fire_at > resumed.changed_at
    assert services.schedules.resume(resumed) == resumed


def test_a_long_reason_is_refused(services: Services, add: Add) -> None:
    with pytest.raises(InvalidSchedule, match="A reason can have at most 200 characters"):
        services.schedules.pause(add(), reason="x" * 201)


def test_deleting_a_schedule_keeps_its_jobs(services: Services, add: Add) -> None:
    schedule = add()
    job = services.schedule_runner.run_now(schedule)
    services.schedules.delete(schedule.id)
    assert services.jobs.get(job.id) == job
    assert services.run_history.schedule_of(job.id) is None
    for access in (lambda: services.schedules.get(schedule.id), lambda: services.schedules.delete(schedule.id)):
        with pytest.raises(ScheduleNotFound, match=str(schedule.id)):
            access()
