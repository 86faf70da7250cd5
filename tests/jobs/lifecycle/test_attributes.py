"""The priority and the visibility of jobs change, and the group that they are shared with."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete

from webapp.accounts.groups.user_group import GroupTaken
from webapp.accounts.user import User
from webapp.db.engine import writing
from webapp.jobs.lifecycle.attributes import CannotBeShared, NotASystemJob, PriorityNotChangeable
from webapp.jobs.lifecycle.create import UnknownGroup
from webapp.jobs.maintenance.clock_chores import promote_due
from webapp.jobs.model.job import BadRequest, Job, Owner, Status
from webapp.jobs.model.policies import FIRST_PRIORITY
from webapp.schema import user_groups
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Make = Callable[..., Job]


def test_run_next_moves_a_job_to_the_front_of_its_queue(services: Services, make: Make, user: User) -> None:
    make(priority=500)
    job = make()
    assert services.queries.estimates.place_in_queue(job) == 2
    assert services.queries.estimates.place_in_queue(services.admin_jobs.run_next(job.id, by=user.id)) == 1
    event = services.queries.jobs.timeline(job.id)[-1]
    assert (event.name, event.actor_id, event.detail) == ("prioritised", user.id, "501")


def test_run_next_makes_a_scheduled_job_due_now(services: Services, make: Make, user: User) -> None:
    job = make(delay=timedelta(days=1))
    assert promote_due(services.engine) == 0
    services.admin_jobs.run_next(job.id, by=user.id)
    assert promote_due(services.engine) == 1
    assert services.jobs.get(job.id).status is Status.QUEUED


def test_a_new_priority_leaves_the_time_of_a_scheduled_job(services: Services, make: Make) -> None:
    job = make(delay=timedelta(days=1))
    assert services.admin_jobs.set_priority(job.id, 500).run_at == job.run_at


def test_run_next_never_goes_before_work_that_stops_jobs(services: Services, make: Make) -> None:
    first, job = make(priority=FIRST_PRIORITY), make()
    assert services.admin_jobs.run_next(job.id).priority < first.priority


def test_the_priority_of_an_ended_job_cannot_change(services: Services, make: Make) -> None:
    job = make()
    services.jobs.cancel(job.id)
    with pytest.raises(PriorityNotChangeable, match="has started or ended"):
        services.admin_jobs.run_next(job.id)


def test_a_system_job_can_be_made_public_and_private(services: Services, make: Make, user: User) -> None:
    job = make()
    assert services.admin_jobs.set_public(job.id, public=True, by=user.id).public
    assert not services.admin_jobs.set_public(job.id, public=False).public
    assert [event.name for event in services.queries.jobs.timeline(job.id)[1:]] == ["made_public", "made_private"]
    with pytest.raises(NotASystemJob):
        services.admin_jobs.set_public(make(Owner(user_id=user.id)).id, public=True)


def test_tags_are_replaced_in_any_status_with_an_event(services: Services, make: Make, user: User) -> None:
    job = make(tags=["Urgent"])
    assert services.jobs.get(job.id).tags == ("urgent",)
    changed = services.admin_jobs.set_tags(job.id, ["month end", "b"], by=user.id)
    assert (changed.tags, changed.version) == (("b", "month end"), job.version + 1)
    event = services.queries.jobs.timeline(job.id)[-1]
    assert (event.name, event.actor_id, event.detail) == ("tagged", user.id, "b, month end")
    assert services.admin_jobs.set_tags(job.id, ["b", "Month end"]) == changed
    services.jobs.cancel(job.id)
    assert services.admin_jobs.set_tags(job.id, []).tags == ()


def test_tags_that_cannot_be_stored_change_nothing(services: Services, make: Make) -> None:
    job = make(tags=["a"])
    with pytest.raises(BadRequest, match="tags must be a list of up to 10 tags"):
        services.admin_jobs.set_tags(job.id, ["a,b"])
    with pytest.raises(BadRequest, match="tags must be a list of up to 10 tags"):
        make(tags="urgent")
    assert services.jobs.get(job.id) == job


def test_a_job_that_runs_again_has_the_same_tags(services: Services, make: Make) -> None:
    assert services.jobs.run_again(make(tags=["a"]).id).tags == ("a",)


def names_of_events(services: Services, job: Job) -> list[tuple[str, str]]:
    return [(event.name, event.detail) for event in services.queries.jobs.timeline(job.id)[1:]]


def test_a_job_is_shared_with_its_children_and_taken_back(services: Services, make: Make, user: User) -> None:
    services.user_groups.add("Finance")
    job, other = make(), make()
    child = services.jobs.create_child_job(job.id, "nothing")
    shared = services.admin_jobs.share(job.id, "Finance", by=user.id)
    assert (shared.shared_with, shared.version) == ("Finance", services.jobs.get(job.id).version)
    assert services.jobs.get(child.id).shared_with == "Finance"
    assert services.jobs.get(child.id).version > child.version, "or open pages of it would not change"
    later = services.jobs.create_child_job(job.id, "nothing")
    assert later.shared_with == "Finance"
    assert services.admin_jobs.share(job.id, "Finance").version == services.jobs.get(job.id).version
    services.admin_jobs.share(job.id, None, by=user.id)
    found = {each.id: services.jobs.get(each.id).shared_with for each in (job, child, later, other)}
    assert set(found.values()) == {None}
    assert names_of_events(services, job) == [("group_shared", "Finance"), ("group_unshared", "Finance")]
    assert [event.actor_id for event in services.queries.jobs.timeline(job.id)[1:]] == [user.id, user.id]


def test_a_running_attempt_shares_the_children_that_it_creates_after_its_job_was_shared(
    services: Services, make: Make, lease: UUID
) -> None:
    services.user_groups.add("Finance")
    make()
    attempt = services.claims.claim("default", lease, fresh=True)
    assert attempt is not None
    services.admin_jobs.share(attempt.id, "Finance")
    children = [services.jobs.child_of(attempt, "nothing", None, name, {}) for name in ("a", "b")]
    services.jobs.add_children(attempt, children)
    assert {services.jobs.get(child.id).shared_with for child in children} == {"Finance"}
    services.admin_jobs.share(attempt.id, None)
    again = services.jobs.child_of(replace(attempt, shared_with="Finance"), "nothing", None, "c", {})
    services.jobs.add_children(replace(attempt, shared_with="Finance"), [again])
    assert services.jobs.get(again.id).shared_with is None


def test_a_job_is_shared_from_its_start(services: Services) -> None:
    services.user_groups.add("Finance")
    job = services.jobs.create_job("nothing", shared_with="Finance")
    assert services.jobs.get(job.id) == job
    assert job.shared_with == "Finance"
    many = services.jobs.create_many("nothing", [{}, {}], shared_with="Finance")
    assert {services.jobs.get(job_id).shared_with for job_id in many} == {"Finance"}
    assert services.jobs.run_again(job.id).shared_with is None, "the copy is another job"


def test_only_roots_are_shared_and_only_with_groups_that_exist(services: Services, make: Make) -> None:
    job = make()
    with pytest.raises(UnknownGroup, match="There is no group Finance"):
        services.admin_jobs.share(job.id, "Finance")
    with pytest.raises(UnknownGroup):
        services.jobs.create_job("nothing", shared_with="Finance")
    with pytest.raises(UnknownGroup):
        services.jobs.create_many("nothing", [{}], shared_with="Finance")
    with pytest.raises(BadRequest):
        services.jobs.create_job("nothing", shared_with=3)
    services.user_groups.add("Finance")
    child = services.jobs.create_child_job(job.id, "nothing")
    with pytest.raises(CannotBeShared, match="Share that job instead"):
        services.admin_jobs.share(child.id, "Finance")
    assert services.queries.all_jobs.newest(9)[0].shared_with is None


def test_a_removed_group_unshares_its_jobs(services: Services, make: Make) -> None:
    groups = services.user_groups
    finance, sales = groups.add("Finance"), groups.add("Sales")
    first, other = make(), make()
    child = services.jobs.create_child_job(first.id, "nothing")
    for job, group in ((first, "Finance"), (other, "Sales")):
        services.admin_jobs.share(job.id, group)
    groups.remove(finance)
    assert [services.jobs.get(job.id).shared_with for job in (first, child, other)] == [None, None, "Sales"]
    assert names_of_events(services, first) == [("group_shared", "Finance"), ("group_unshared", "Finance")]
    groups.add("Finance")
    assert services.jobs.get(first.id).shared_with is None
    assert sales.name == services.jobs.get(other.id).shared_with


def test_a_new_group_does_not_see_what_a_former_one_of_its_name_saw(services: Services, make: Make) -> None:
    """A process can die between the removal of a group and that of its name from jobs."""
    group, job = services.user_groups.add("Finance"), make()
    services.admin_jobs.share(job.id, "Finance")
    with writing(services.engine) as connection:
        connection.execute(delete(user_groups).where(user_groups.c.id == group.id))
    with pytest.raises(GroupTaken):
        services.user_groups.add(services.user_groups.add("Finance").name)
    assert services.jobs.get(job.id).shared_with is None


def test_many_jobs_are_shared_with_their_children_and_only_changes_are_written(
    services: Services, make: Make, user: User
) -> None:
    services.user_groups.add("Finance")
    first, second = make(), make()
    child = services.jobs.create_child_job(first.id, "nothing")
    before = services.admin_jobs.share(second.id, "Finance")
    services.jobs.share_many([first.id, second.id, child.id], "Finance", by=user.id)
    assert {services.jobs.get(job.id).shared_with for job in (first, second, child)} == {"Finance"}
    assert services.jobs.get(second.id) == before
    services.jobs.share_many([child.id], None)
    assert services.jobs.get(child.id).shared_with == "Finance"
    services.jobs.share_many([first.id, second.id], None, by=user.id)
    assert {services.jobs.get(job.id).shared_with for job in (first, second, child)} == {None}
    assert names_of_events(services, first) == [("group_shared", "Finance"), ("group_unshared", "Finance")]
    with pytest.raises(UnknownGroup):
        services.jobs.share_many([first.id], "Gone")
