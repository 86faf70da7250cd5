from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.jobs.statements import recorded
from webapp.jobs.model.job import Job, Owner
from webapp.jobs.queries.related_jobs import NO_RELATED_JOBS
from webapp.jobs.queries.visible_jobs import Viewer
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def test_every_subject_reads_the_same_jobs_and_writes_nothing(services: Services, make: Callable[..., Job]) -> None:
    job = make(Owner(public=True))
    queries, viewer = services.queries, Viewer(user_id=uuid4())
    with recorded(services.engine) as sent:
        assert queries.jobs.get_visible(viewer, job.id) == job
        assert queries.lists.page(viewer) == (job,)
        assert queries.all_jobs.get_by_short_id(job.short_id) == job
        assert queries.related.find(viewer, job) == NO_RELATED_JOBS
        assert queries.logs.log(job.id) == ()
        assert queries.files.attachments(job.id) == ()
        assert queries.estimates.place_in_queue(job) == 1
        assert queries.polled.of_job(viewer, job.id).job == job
    assert {statement.split()[0] for statement, _ in sent} <= {"SELECT", "WITH"}
