"""The pulse of a job differs whenever its page may."""

from collections.abc import Callable

import pytest

from webapp.jobs.model.job import Job
from webapp.services import Services

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect]
Make = Callable[..., Job]
CHANGES = {
    "progress": lambda jobs, job, _: jobs.change(job.id, lambda one: one.with_message("further")),
    "a file": lambda jobs, job, _: jobs.add_attachment(job.id, "a.txt", b"abc"),
    "no file": lambda jobs, job, _: jobs.remove_attachments(job.id),
    "a part": lambda jobs, _, part: jobs.change(part.id, lambda one: one.with_message("further")),
    "a new part": lambda jobs, job, _: jobs.create_child_job(job.id, "nothing"),
    "a repetition": lambda jobs, job, _: jobs.run_again(job.id),
    "a keeper": lambda jobs, job, _: jobs.keep(job.id),
    "a stop": lambda jobs, job, _: jobs.cancel(job.id),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_differs_when_something_has_changed(services: Services, make: Make, change: str) -> None:
    job = make()
    part = services.jobs.create_child_job(job.id, "nothing")
    services.jobs.add_attachment(job.id, "first.txt", b"abc")
    before = services.jobs.family_pulse(services.jobs.get(job.id))
    assert services.jobs.family_pulse(services.jobs.get(job.id)) == before
    CHANGES[change](services.jobs, job, part)
    assert services.jobs.family_pulse(services.jobs.get(job.id)) != before
