"""Application code adds children and files to jobs and finds a user's own jobs."""

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from tests.jobs.conftest import end, run_once
from tests.stored_files import everything, stored_path
from webapp.db.engine import writing
from webapp.jobs.model.job import BadRequest, Job, Owner, Status
from webapp.jobs.queries.visible_jobs import Viewer
from webapp.jobs.store.job_store import JobNotFound
from webapp.schema import jobs, later
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Make = Callable[..., Job]


def test_a_child_belongs_to_its_roots_owner_and_is_held(
    services: Services, make: Make, people: Callable[[], UUID]
) -> None:
    root = make(Owner(user_id=people()))
    child = services.jobs.create_child_job(root.id, "nothing", name="january")
    assert (child.owner, child.root_id, child.status) == (root.owner, root.id, Status.HELD)
    assert services.jobs.get(root.id).parts == 1


def test_held_children_can_be_released_while_the_root_runs(services: Services, make: Make, lease: UUID) -> None:
    root = make(dispatch=False)
    services.jobs.change(root.id, Job.mark_running)
    children = [services.jobs.create_child_job(root.id, "nothing") for _ in range(3)]
    services.jobs.release(root.id)
    assert {services.jobs.get(child.id).status for child in children} == {Status.QUEUED}
    assert services.jobs.get(root.id).status is Status.RUNNING
    for _ in children:
        run_once(services, "default", lease)
    assert services.jobs.change(root.id, Job.mark_completed).status is Status.COMPLETED


def test_a_child_of_a_waiting_root_is_queued_at_once(services: Services, make: Make) -> None:
    root = make(dispatch=False)
    services.jobs.change(root.id, Job.mark_running)
    services.jobs.create_child_job(root.id, "nothing")
    services.jobs.change(root.id, Job.mark_completed)
    assert services.jobs.create_child_job(root.id, "nothing").status is Status.QUEUED
    assert services.jobs.get(root.id).parts == 2


def test_a_named_child_is_created_once(services: Services, make: Make) -> None:
    root = make()
    first = services.jobs.create_child_job(root.id, "nothing", name="january")
    assert services.jobs.create_child_job(root.id, "nothing", name="january") == first
    assert services.jobs.get(root.id).parts == 1


def test_a_child_that_several_callers_name_at_once_is_created_once(services: Services, make: Make) -> None:
    root = make()
    with ThreadPoolExecutor(6) as threads:
        names = [f"{number % 2}" for number in range(12)]
        children = list(
            threads.map(lambda name: services.jobs.create_child_job(root.id, "nothing", name=name).id, names)
        )
    assert children == children[:2] * 6
    assert services.jobs.get(root.id).parts == 2


def test_an_ended_job_and_a_child_cannot_have_new_children(services: Services, make: Make, running: Make) -> None:
    child = services.jobs.create_child_job(make().id, "nothing")
    with pytest.raises(BadRequest, match="two levels"):
        services.jobs.create_child_job(child.id, "nothing")
    ended = running(priority=900)
    end(services, ended)
    with pytest.raises(BadRequest, match="cannot have new child jobs"):
        services.jobs.create_child_job(ended.id, "nothing")
    for call in (lambda: services.jobs.create_child_job(uuid4(), "nothing"), lambda: services.jobs.release(uuid4())):
        with pytest.raises(JobNotFound):
            call()


def test_output_files_can_be_added_from_bytes_and_streams_and_removed(services: Services, running: Make) -> None:
    job = running()
    first = services.jobs.add_attachment(job.id, "a.txt", b"abc")
    second = services.jobs.add_attachment(job.id, "b.bin", io.BytesIO(b"12345"), "text/x-special")
    assert services.jobs.attachments(job.id) == (first, second)
    assert [(file.name, file.size, file.role, file.attempt) for file in (first, second)] == [
        ("a.txt", 3, "output", 1),
        ("b.bin", 5, "output", 1),
    ]
    assert second.media_type == "text/x-special"
    assert services.jobs.get(job.id).version == job.version + 2, "pages see it"
    assert services.jobs.remove_attachments(job.id) == 2
    assert services.jobs.attachments(job.id) == ()
    assert services.jobs.attachment(job.id, first.id).deleted_at is not None
    assert not stored_path(services.files, first.id).exists()


def test_a_text_can_be_added_and_replaced_with_a_lifetime_of_its_own(services: Services, running: Make) -> None:
    job = running()
    services.jobs.add_attachment(job.id, "report.txt", "Rows: 122")
    added = services.jobs.add_attachment(job.id, "report.txt", "Rows: 123", keep=timedelta(days=2))
    assert services.jobs.attachments(job.id) == (added,)
    assert stored_path(services.files, added.id).read_text() == "Rows: 123"
    assert timedelta(days=1) < added.expires_at - services.queries.jobs.now() < timedelta(days=3)


def test_a_lifetime_that_is_none_is_refused(services: Services, running: Make) -> None:
    with pytest.raises(BadRequest, match="keep must be None or a timedelta longer than zero"):
        services.jobs.add_attachment(running().id, "report.txt", "Rows", keep=timedelta(0))


def test_input_files_are_not_removed(services: Services) -> None:
    file = services.files.receive(io.BytesIO(b"name\n"), "people.csv")
    job = services.jobs.create_job("user_import", files={"file": file})
    assert services.jobs.remove_attachments(job.id) == 0
    assert stored_path(services.files, file.id).exists()


def test_a_file_for_a_missing_job_is_removed_from_disk(services: Services, make: Make) -> None:
    with pytest.raises(JobNotFound):
        services.jobs.add_attachment(uuid4(), "a.txt", b"abc")
    assert everything(services.files) == []


def test_users_find_their_own_and_public_jobs_that_are_active_or_recent(
    services: Services, make: Make, people: Callable[[], UUID]
) -> None:
    viewer = Viewer(user_id=people())
    own = Owner(user_id=viewer.user_id)
    active, recent_job, old_job = make(own), make(own), make(own)
    services.jobs.create_child_job(active.id, "nothing")
    public = make(Owner(public=True))
    make(Owner(user_id=people()))
    make(Owner())
    for job, age in ((recent_job, timedelta(hours=1)), (old_job, timedelta(hours=9))):
        with writing(services.engine) as connection:
            values = {"status": "failed", "finished_at": later(-age.total_seconds())}
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(**values))
    assert [job.id for job in services.jobs.find_mine_active(viewer)] == [public.id, active.id]
    assert [job.id for job in services.jobs.find_mine_active(viewer, limit=1)] == [public.id]
    assert [job.id for job in services.jobs.find_mine_active(viewer, with_public=False)] == [active.id]
    found = services.jobs.find_mine_recent(viewer, timedelta(hours=5))
    assert [job.id for job in found] == [public.id, recent_job.id, active.id]
    own_only = services.jobs.find_mine_recent(viewer, timedelta(hours=5), with_public=False)
    assert [job.id for job in own_only] == [recent_job.id, active.id]


@pytest.fixture
def jobs_by_tenant(services: Services, make: Make) -> dict[str | None, list[Job]]:
    """Create a public job and a job of one user for each tenant."""
    return {
        tenant: [make(Owner(public=True, tenant=tenant)), make(Owner(user_id=UUID(int=7), tenant=tenant))]
        for tenant in ("ours", "theirs", None)
    }


@pytest.mark.parametrize("tenant", ["ours", "theirs", None])
@pytest.mark.parametrize("sees_all", [False, True])
def test_a_tenant_sees_only_its_own_jobs(
    services: Services, jobs_by_tenant: dict[str | None, list[Job]], tenant: str | None, sees_all: bool
) -> None:
    viewer = Viewer(user_id=UUID(int=7), sees_all=sees_all, tenant=tenant)
    sees_everything = sees_all and tenant is None
    seen = {
        job.id
        for owner_tenant, found in jobs_by_tenant.items()
        for job in found
        if owner_tenant == tenant or sees_everything
    }
    assert {job.id for job in services.queries.lists.page(viewer)} == seen
    assert services.queries.lists.count_tabs(viewer)["all"] == len(seen)
    for with_public in (False, True):
        mine = {job.id for public, own in jobs_by_tenant.values() for job in (own, *[public] * with_public)} & seen
        recent = services.jobs.find_mine_recent(viewer, timedelta(hours=1), with_public=with_public)
        active = services.jobs.find_mine_active(viewer, with_public=with_public)
        assert {job.id for job in recent} == {job.id for job in active} == mine
    for job in (job for found in jobs_by_tenant.values() for job in found):
        if job.id in seen:
            assert services.queries.jobs.get_visible(viewer, job.id).id == job.id
        else:
            with pytest.raises(JobNotFound):
                services.queries.jobs.get_visible(viewer, job.id)


def test_the_change_tag_and_history_of_a_tenant_are_separate(services: Services, make: Make) -> None:
    viewer = Viewer(user_id=uuid4(), sees_all=True, tenant="ours")
    make(Owner(tenant="ours"))
    tag = services.queries.polled.of_list(viewer, []).tag
    make(Owner(tenant="theirs"))
    make(Owner())
    assert services.queries.polled.of_list(viewer, []).tag == tag
