"""Which jobs belong together, as far as somebody may see them."""

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


def become(services: Services, job: Job, status: Status) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(status=status.value))


def test_related_jobs_include_both_directions_of_run_again(services: Services, make: Make) -> None:
    old = make(Owner(user_id=ANA.user_id))
    new = services.jobs.run_again(old.id)
    assert [one.id for one in services.queries.related.find(ANA, new).again_of] == [old.id]
    assert [one.id for one in services.queries.related.find(ANA, old).run_again_as] == [new.id]
    assert services.queries.related.find(BOB, old).run_again_as == ()


def test_related_jobs_include_visible_predecessors_and_dependents(services: Services, make: Make) -> None:
    owner = Owner(user_id=ANA.user_id)
    first, strangers = make(owner), make(Owner(user_id=BOB.user_id))
    second = make(owner, after=[first.id, strangers.id])
    assert [one.id for one in services.queries.related.find(ANA, second).predecessors] == [first.id]
    assert [one.id for one in services.queries.related.find(ANA, services.jobs.get(first.id)).dependents] == [second.id]


def test_running_and_failed_children_come_first(services: Services, make: Make) -> None:
    root = make()
    parts = [services.jobs.create_child_job(root.id, "nothing", name=str(number)) for number in range(5)]
    for part, status in zip(parts, ("completed", "queued", "failed", "running", "stale"), strict=True):
        become(services, part, Status(status))
    assert [part.child_name for part in services.queries.related.notable_children(root.id, limit=4)] == [
        "3",
        "2",
        "4",
        "1",
    ]
    failed = services.queries.related.children(root.id, statuses=[Status.FAILED, Status.STALE])
    assert [part.child_name for part in failed] == ["2", "4"]
    assert [part.child_name for part in services.queries.related.children(root.id, after=parts[1].id, limit=2)] == [
        "2",
        "3",
    ]
    assert [one.id for one in services.queries.related.find(Viewer(user_id=uuid4(), sees_all=True), parts[0]).root] == [
        root.id
    ]
