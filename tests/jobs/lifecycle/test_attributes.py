"""Operators change the priority and the visibility of jobs."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from webapp.accounts.user import User
from webapp.jobs.lifecycle.attributes import NotASystemJob, PriorityNotChangeable
from webapp.jobs.lifecycle.create import BadRequest
from webapp.jobs.maintenance.clock_chores import promote_due
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.model.policies import FIRST_PRIORITY
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
