"""Related jobs are found as far as the viewer may see them."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from sqlalchemy import update

from webapp.db.engine import writing
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.queries.visible_jobs import Viewer
from webapp.schema import jobs
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Make = Callable[..., Job]
ANA, BOB = Viewer(user_id=uuid4()), Viewer(user_id=uuid4())


def set_status(services: Services, job: Job, status: Status) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(status=status.value))


def test_related_jobs_include_both_directions_of_run_again(services: Services, make: Make) -> None:
    old = make(Owner(user_id=ANA.user_id))
    new = services.jobs.run_again(old.id)
    assert [related.id for related in services.queries.related.find(ANA, new).again_of] == [old.id]
    assert [related.id for related in services.queries.related.find(ANA, old).run_again_as] == [new.id]
    assert services.queries.related.find(BOB, old).run_again_as == ()


def test_related_jobs_include_visible_predecessors_and_dependents(services: Services, make: Make) -> None:
    owner = Owner(user_id=ANA.user_id)
    first, hidden = make(owner), make(Owner(user_id=BOB.user_id))
    second = make(owner, after=[first.id, hidden.id])
    assert [related.id for related in services.queries.related.find(ANA, second).predecessors] == [first.id]
    assert [related.id for related in services.queries.related.find(ANA, services.jobs.get(first.id)).dependents] == [
        second.id
    ]


def test_failed_and_running_children_come_first(services: Services, make: Make) -> None:
    root = make()
    children = [services.jobs.create_child_job(root.id, "nothing", name=str(number)) for number in range(5)]
    for child, status in zip(children, ("completed", "queued", "failed", "running", "stale"), strict=True):
        set_status(services, child, Status(status))
    assert [child.child_name for child in services.queries.related.notable_children(root.id, limit=4)] == [
        "2",
        "4",
        "3",
        "1",
    ]
    failed = services.queries.related.children(root.id, statuses=[Status.FAILED, Status.STALE])
    assert [child.child_name for child in failed] == ["2", "4"]
    assert [
        child.child_name for child in services.queries.related.children(root.id, after=children[1].id, limit=2)
    ] == [
        "2",
        "3",
    ]
    assert [
        related.id
        for related in services.queries.related.find(Viewer(user_id=uuid4(), sees_all=True), children[0]).root
    ] == [root.id]
