"""The change tag of a job differs whenever its page may look different."""

from collections.abc import Callable

import pytest

from webapp.jobs.model.job import Job
from webapp.services import Services

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect]
Make = Callable[..., Job]
CHANGES = {
    "progress": lambda services, job, _: services.jobs.change(job.id, lambda current: current.with_message("further")),
    "a file": lambda services, job, _: services.jobs.add_attachment(job.id, "a.txt", b"abc"),
    "a deleted file": lambda services, job, _: services.jobs.remove_attachments(job.id),
    "a child": lambda services, _, child: services.jobs.change(
        child.id, lambda current: current.with_message("further")
    ),
    "a new child": lambda services, job, _: services.jobs.create_child_job(job.id, "nothing"),
    "a repetition": lambda services, job, _: services.jobs.run_again(job.id),
    "a pin": lambda services, job, _: services.admin_jobs.pin(job.id),
    "a stop": lambda services, job, _: services.jobs.cancel(job.id),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_tag_differs_after_a_change(services: Services, make: Make, change: str) -> None:
    job = make()
    child = services.jobs.create_child_job(job.id, "nothing")
    services.jobs.add_attachment(job.id, "first.txt", b"abc")
    before = services.queries.change_tags.of_job(services.jobs.get(job.id))
    assert services.queries.change_tags.of_job(services.jobs.get(job.id)) == before
    CHANGES[change](services, job, child)
    assert services.queries.change_tags.of_job(services.jobs.get(job.id)) != before
