import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from uuid import UUID

import pytest
from pydantic import BaseModel, SecretStr, field_validator
from sqlalchemy import event, select, update

from tests.jobs.statements import plan_of, recorded
from webapp.db.engine import writing
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.definition.payload import load_payload
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.schedules.job_factory import CannotStart, PreviousRunUnfinished
from webapp.jobs.schedules.runner import ScheduleRunner
from webapp.jobs.schedules.schedule import RunOutcome, Schedule, ScheduleRun
from webapp.schema import jobs, schedules
from webapp.services import Services

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect]
Add = Callable[..., Schedule]
Rewind = Callable[..., Schedule]


def runs(services: Services, schedule: Schedule) -> tuple[ScheduleRun, ...]:
    return services.run_history.of_schedule(schedule.id, 500)


def outcomes(services: Services, schedule: Schedule) -> list[str]:
    return [run.outcome for run in runs(services, schedule)]


def made(services: Services) -> tuple[Job, ...]:
    return services.queries.all_jobs.newest(500)


def test_a_due_schedule_creates_its_job_and_advances(services: Services, add: Add, rewind: Rewind) -> None:
    due = rewind(add(), minutes=0)
    assert services.schedule_runner.fire_due() == 1
    [job], [run] = made(services), runs(services, due)
    assert (job.type, job.status, job.queue, job.priority) == ("nothing", Status.QUEUED, "default", 100)
    assert (run.fire_at, run.job_id, run.outcome, run.status) == (
        due.next_fire_at,
        job.id,
        RunOutcome.STARTED,
        Status.QUEUED,
    )
    moved = services.schedules.get(due.id).next_fire_at
    assert moved is not None
    assert moved > run.fired_at
    assert services.schedule_runner.fire_due() == 0
    assert services.run_history.schedule_of(job.id) == (due.id, "Nightly")


def test_a_scheduled_job_wakes_its_queue(services: Services, add: Add, rewind: Rewind) -> None:
    rewind(add(queue="default"), minutes=0)
    services.wake_ups.connection.delete("rq:queue:default")
    services.schedule_runner.fire_due()
    assert services.wake_ups.connection.llen("rq:queue:default") == 1


def test_a_tick_without_due_schedules_is_one_indexed_query(services: Services, add: Add) -> None:
    add()
    with recorded(services.engine) as sent:
        assert services.schedule_runner.fire_due() == 0
    [(statement, parameters)] = sent
    assert "ix_schedules_due" in plan_of(services.engine, statement, parameters, as_if_large=True)


def test_a_job_takes_the_options_of_its_schedule(
    services: Services, add: Add, rewind: Rewind, people: Callable[[], UUID]
) -> None:
    owner = Owner(user_id=people(), tenant="north")
    rewind(add(owner=owner, priority=7), minutes=0)
    services.schedule_runner.fire_due()
    [job] = made(services)
    assert (job.owner, job.priority, job.triggered_by) == (owner, 7, None)


def test_each_time_fires_once_with_several_clocks(services: Services, add: Add, rewind: Rewind) -> None:
    due = [rewind(add(f"Schedule {number}", missed="all"), minutes=9) for number in range(5)]
    start = Barrier(6)

    def tick() -> None:
        start.wait()
        services.schedule_runner.fire_due()

    clocks = [Thread(target=tick) for _ in range(6)]
    for clock in clocks:
        clock.start()
    for clock in clocks:
        clock.join()
    for schedule in due:
        found = [run.fire_at for run in runs(services, schedule)]
        assert len(found) == len(set(found)) == 10
    assert len(made(services)) == 50


def test_a_time_that_has_fired_does_not_fire_again(services: Services, add: Add, rewind: Rewind) -> None:
    schedule = add()
    due = rewind(schedule, minutes=0)
    services.schedule_runner.fire_due()
    with writing(services.engine) as connection:
        connection.execute(update(schedules).values(next_fire_at=due.next_fire_at))
    assert services.schedule_runner.fire_due() == 0
    assert len(made(services)) == 1


@pytest.mark.parametrize(
    ("missed", "expected"),
    [
        ("skip", ["started"] * 5 + ["missed"]),
        ("once", ["started", "missed"]),
        ("all", ["started"] * 21),
    ],
)
def test_missed_times_follow_the_misfire_policy(
    services: Services, add: Add, rewind: Rewind, missed: str, expected: list[str]
) -> None:
    due = rewind(add(missed=missed), minutes=20)
    services.schedule_runner.fire_due()
    found = outcomes(services, due)
    assert found[: len(expected)] == expected[: len(found)]
    assert len(found) - len(expected) in {0, 1}, "one more where a minute has just begun"
    assert len(made(services)) == found.count("started")


def test_a_schedule_with_one_job_at_a_time_skips_a_run_while_its_job_is_unfinished(
    services: Services, add: Add, rewind: Rewind
) -> None:
    schedule = add(one_at_a_time=True, missed="all")
    rewind(schedule, minutes=2)
    services.schedule_runner.fire_due()
    found = runs(services, schedule)
    assert [run.outcome for run in found].count("started") == 1
    assert found[0].detail == "The previous job had not finished."
    with pytest.raises(PreviousRunUnfinished, match="'Nightly' runs one job at a time"):
        services.schedule_runner.run_now(schedule)
    services.jobs.cancel(made(services)[0].id)
    assert services.schedule_runner.run_now(schedule).status is Status.QUEUED


@pytest.mark.parametrize(
    ("on_duplicate", "one_at_a_time", "outcome"),
    [("reject", False, "busy"), ("queue_after", False, "started"), ("queue_after", True, "busy")],
)
def test_a_scheduled_job_respects_the_unique_key_of_its_type(
    services: Services, add: Add, rewind: Rewind, on_duplicate: str, one_at_a_time: bool, outcome: str
) -> None:
    kind = job_type("lone", title="Lone", unique_key="the only one", on_duplicate=on_duplicate)(_alone)
    services.registry.add(kind)
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
    """Bear no other beside it."""


def test_a_paused_schedule_does_not_fire_but_can_run_now(services: Services, add: Add, rewind: Rewind) -> None:
    paused = services.schedules.pause(rewind(add(), minutes=1))
    assert services.schedule_runner.fire_due() == 0
    assert services.schedule_runner.run_now(paused).priority == 200


def test_a_schedule_that_is_paused_after_it_was_read_does_not_fire(
    services: Services, add: Add, rewind: Rewind
) -> None:
    due = rewind(add(), minutes=0)
    services.schedules.pause(due)
    assert services.schedule_runner._fire(due, datetime.now(UTC)) == 0
    assert made(services) == ()


def test_run_now_records_the_user_who_asked(services: Services, add: Add, people: Callable[[], UUID]) -> None:
    schedule, person = add(), people()
    job = services.schedule_runner.run_now(schedule, by=person)
    [run] = runs(services, schedule)
    assert (job.priority, job.triggered_by, run.job_id, run.asked_by) == (200, person, job.id, person)
    assert services.schedules.get(schedule.id) == schedule, "its times stay as they are"


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
    """Use a key."""


def test_a_secret_is_encrypted_in_the_schedule_and_readable_by_the_job(
    keyed: Services, add: Add, rewind: Rewind
) -> None:
    schedule = rewind(add(type_name="keyed", payload={"key": "hush"}), minutes=0)
    assert "hush" not in str(schedule.payload)
    keyed.schedule_runner.fire_due()
    [job] = made(keyed)
    loaded = load_payload(keyed.registry.get("keyed"), job.payload, keyed.vault)
    assert isinstance(loaded, Key)
    assert loaded.key.get_secret_value() == "hush"


def change(services: Services, **values: object) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(schedules).values(**values))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"type": "gone"}, "There is no job type 'gone'. It was removed or is not installed here."),
        ({"payload": {"days": 2}}, "key: Field required."),
        ({"payload": {"key": "a", "days": 0}}, "ZeroDivisionError: integer division or modulo by zero"),
        ({"payload": {"key": {"$secret": "from another key"}}}, "SECRET_KEY has changed"),
    ],
)
def test_a_schedule_that_cannot_create_its_job_records_why_and_others_fire(
    keyed: Services, add: Add, rewind: Rewind, values: dict[str, object], said: str
) -> None:
    broken = rewind(add("Broken", "keyed", {"key": "hush"}), minutes=0)
    change(keyed, **values)
    rewind(add("Sound"), minutes=0)
    assert keyed.schedule_runner.fire_due() == 1
    [run] = runs(keyed, broken)
    assert run.outcome is RunOutcome.REFUSED
    assert said in run.detail
    assert keyed.schedules.get(broken.id).next_fire_at is not None
    with pytest.raises(CannotStart, match=re.escape(said)):
        keyed.schedule_runner.run_now(keyed.schedules.get(broken.id))


def test_a_zone_that_no_longer_exists_is_recorded_once(services: Services, add: Add, rewind: Rewind) -> None:
    schedule = rewind(add(), minutes=0)
    change(services, zone="Mars/Base")
    assert (services.schedule_runner.fire_due(), services.schedule_runner.fire_due()) == (0, 0)
    [run] = runs(services, schedule)
    assert run.detail == "Unknown time zone 'Mars/Base'. Example: Europe/Madrid."
    assert services.schedules.get(schedule.id).next_fire_at is None


def test_a_clock_that_dies_before_the_commit_leaves_nothing(services: Services, add: Add, rewind: Rewind) -> None:
    due = rewind(add(), minutes=0)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    event.listen(services.engine, "commit", die)
    with pytest.raises(KeyboardInterrupt):
        services.schedule_runner.fire_due()
    event.remove(services.engine, "commit", die)
    assert (made(services), runs(services, due)) == ((), ())
    assert services.schedule_runner.fire_due() == 1


def test_only_one_of_two_processes_fires_a_time(services: Services, add: Add, rewind: Rewind) -> None:
    due = rewind(add(), minutes=0)
    at = due.next_fire_at or datetime.now(UTC)
    first, second = (
        services.schedule_runner,
        ScheduleRunner(
            services.engine, registry=services.registry, vault=services.vault, store=services.jobs.store, wake=str
        ),
    )
    assert first._fire(due, at + timedelta(seconds=1)) == 1
    assert second._fire(due, at + timedelta(seconds=1)) == 0
    with services.engine.connect() as connection:
        assert len(connection.execute(select(jobs.c.id)).all()) == 1


def test_a_schedule_of_a_disabled_type_records_why_it_did_not_run(services: Services, add: Add, rewind: Rewind) -> None:
    due = rewind(add(), minutes=0)
    services.disabled_types.disable("nothing", reason="moving")
    assert services.schedule_runner.fire_due() == 0
    [run] = runs(services, due)
    assert run.outcome is RunOutcome.REFUSED
    assert run.detail == "Job type 'nothing' is disabled: moving."
    with pytest.raises(CannotStart):
        services.schedule_runner.run_now(services.schedules.get(due.id))
    assert made(services) == ()
