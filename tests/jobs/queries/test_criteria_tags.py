"""Lists, exports and the command line narrowed to a tag."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest

from webapp.jobs.model.job import Job
from webapp.jobs.queries.criteria import JobCriteria
from webapp.jobs.queries.history import HistoryCriteria, JobHistory
from webapp.jobs.queries.visible_jobs import Viewer
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def test_jobs_are_found_by_a_tag(services: Services, make: Callable[..., Job]) -> None:
    viewer = Viewer(user_id=uuid4(), sees_all=True)
    tagged, other = make(tags=["urgent", "it's"]), make(tags=["urgently"])
    make()
    for tag, found in (("urgent", [tagged]), ("urgently", [other]), ("it's", [tagged]), ("none", [])):
        ids = [job.id for job in found]
        page = services.queries.lists.find(viewer, JobCriteria(tag=tag), limit=9).jobs
        assert [job.id for job in page] == ids
        assert [job.id for job in services.queries.all_jobs.newest(9, tag=tag)] == ids
        criteria = HistoryCriteria(before=services.queries.jobs.now() + timedelta(minutes=1), tag=tag)
        assert JobHistory(services.engine, viewer).count(criteria) == len(ids)
