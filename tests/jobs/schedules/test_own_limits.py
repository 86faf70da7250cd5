"""What users can add for themselves: so many schedules, with runs so far apart, exactly, also two at once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread
from uuid import UUID

import pytest
from pydantic import BaseModel

from webapp.jobs.definition.job_type import job_type
from webapp.jobs.model.job import Owner
from webapp.jobs.schedules.draft import InvalidSchedule, ScheduleDraft
from webapp.jobs.schedules.own_limits import OwnScheduleLimits
from webapp.jobs.schedules.schedule import AmbiguousName, Schedule
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
TWO = OwnScheduleLimits(most=2, interval=timedelta(hours=1))
DRAFT = ScheduleDraft(name="Mine", rule="0 2 * * *", zone="Europe/Madrid")


@pytest.fixture
def owner(people: Callable[[], UUID]) -> Owner:
    return Owner(user_id=people())


def add(services: Services, owner: Owner, *, limits: OwnScheduleLimits = TWO, **choices: str) -> Schedule:
    draft = replace(DRAFT, owner=owner, **choices)
    return services.schedules.add("nothing", {}, draft, by=owner.user_id, limits=limits)


def of(services: Services, owner: Owner) -> list[str]:
    assert owner.user_id
    return [schedule.name for schedule in services.schedules.of_owner(owner.user_id)]


def test_each_user_can_have_so_many_schedules(services: Services, owner: Owner, people: Callable[[], UUID]) -> None:
    first = add(services, owner)
    add(services, owner, name="Second")
    with pytest.raises(
        InvalidSchedule, match=r"You already have 2 schedules, the maximum. Delete one first."
    ) as refusal:
        add(services, owner, name="Third")
    assert refusal.value.errors.keys() == {""}
    assert of(services, owner) == ["Mine", "Second"]
    add(services, Owner(user_id=people()))
    services.schedules.delete(first.id)
    add(services, owner, name="Third")


def test_none_can_be_added_where_they_are_turned_off(services: Services, owner: Owner) -> None:
    with pytest.raises(InvalidSchedule, match="Users cannot add schedules here"):
        add(services, owner, limits=OwnScheduleLimits(most=0, interval=timedelta(hours=1)))
    assert of(services, owner) == []


def test_runs_cannot_be_closer_than_permitted_unless_an_admin_made_them_so(services: Services, owner: Owner) -> None:
    sentence = "Runs must be at least 60 minutes apart. Two runs of this rule are 15."
    with pytest.raises(InvalidSchedule, match=sentence):
        add(services, owner, rule="*/15 * * * *")
    made = services.schedules.add("nothing", {}, replace(DRAFT, rule="*/5 * * * *", owner=owner))
    draft = ScheduleDraft.from_schedule(made)
    renamed = services.schedules.change(made, replace(draft, name="Often"), limits=TWO)
    with pytest.raises(InvalidSchedule, match=sentence):
        services.schedules.change(renamed, replace(draft, rule="*/15 * * * *"), limits=TWO)


def test_of_two_at_once_one_gets_the_last_place(services: Services, owner: Owner) -> None:
    add(services, owner)
    begin, refused = Barrier(4), list[str]()

    def add_another(number: int) -> None:
        begin.wait()
        try:
            add(services, owner, name=f"Number {number}")
        except InvalidSchedule as error:
            refused.append(str(error))

    threads = [Thread(target=add_another, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(of(services, owner)), len(refused)) == (2, 3)


def test_users_choose_names_without_knowing_those_of_others(
    services: Services, owner: Owner, people: Callable[[], UUID]
) -> None:
    mine = add(services, owner)
    add(services, Owner(user_id=people()))
    services.schedules.add("nothing", {}, DRAFT)
    with pytest.raises(InvalidSchedule, match="A schedule named 'Mine' already exists"):
        add(services, owner)
    with pytest.raises(AmbiguousName, match=r"Several schedules are named 'Mine'. Use the ID of one of them."):
        services.schedules.get_by_name("Mine")
    assert services.schedules.get(mine.id) == mine


class Empty(BaseModel):
    """Nothing."""


def test_a_user_is_not_told_the_name_of_a_schedule_that_starts_the_same_job(services: Services, owner: Owner) -> None:
    def handler(job: object, payload: Empty) -> None:
        """Do nothing."""

    services.registry.add(job_type("lone", title="Lone", unique_key="the only one")(handler))
    services.schedules.add("lone", {}, replace(DRAFT, name="Secret project"))
    with pytest.raises(InvalidSchedule, match=r"^Another schedule starts the same job already\.$"):
        services.schedules.add("lone", {}, replace(DRAFT, owner=owner), limits=TWO)
