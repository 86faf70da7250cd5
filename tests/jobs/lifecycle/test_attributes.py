"""What those who run the place change of a job beside its status."""

from collections.abc import Callable

import pytest

from webapp.accounts.user import User
from webapp.jobs.lifecycle.attributes import JobAlreadyStarted, NotASystemJob
from webapp.jobs.model.job import Job, Owner
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Make = Callable[..., Job]


def test_a_job_that_shall_run_next_is_first_in_its_queue(services: Services, make: Make, user: User) -> None:
    make(priority=500)
    job = make()
    assert services.queries.estimates.place_in_queue(job) == 2
    assert services.queries.estimates.place_in_queue(services.admin_jobs.run_next(job.id, by=user.id)) == 1
    event = services.queries.jobs.timeline(job.id)[-1]
    assert (event.name, event.actor_id, event.detail) == ("prioritised", user.id, "501")


def test_a_job_that_does_not_wait_has_no_priority(services: Services, make: Make) -> None:
    job = make()
    services.jobs.cancel(job.id)
    with pytest.raises(JobAlreadyStarted, match="has already started"):
        services.admin_jobs.run_next(job.id)


def test_a_job_of_the_system_is_shown_to_everyone_and_no_longer(services: Services, make: Make, user: User) -> None:
    job = make()
    assert services.admin_jobs.set_public(job.id, public=True, by=user.id).public
    assert not services.admin_jobs.set_public(job.id, public=False).public
    assert [event.name for event in services.queries.jobs.timeline(job.id)[1:]] == ["made_public", "made_private"]
    with pytest.raises(NotASystemJob):
        services.admin_jobs.set_public(make(Owner(user_id=user.id)).id, public=True)
