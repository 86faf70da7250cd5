from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from webapp.db.engine import reading
from webapp.jobs.model.job import BadRequest, Job, Owner, Status
from webapp.jobs.queries.visible_jobs import Viewer
from webapp.jobs.queueing.queues import UnknownQueue
from webapp.jobs.store.job_store import JobNotFound
from webapp.jobs.store.unique_keys import DuplicateJob
from webapp.schema import jobs
from webapp.services import Services

CHOICES = {
    "title": ["", "  ", "t" * 201, None, 7, "a\0b", "\ud800"],
    "queue": ["", "a,b", "q" * 81, None, 7],
    "priority": ["high", 1.5, True, None, 10**7, -(10**7)],
    "unique_key": ["", "k" * 201, 7],
    "tolerant": [1, "yes", None],
    "max_attempts": [0, "3", None, True],
}
PRIVATE = {
    "progress": 500,
    "attempt": 7,
    "status": "completed",
    "id": uuid4(),
    "record_only": True,
    "lease_id": uuid4(),
    "child_name": "x",
    "message": "m",
    "errors": (),
    "titel": "T",
    "version": 3,
}
ARGUMENTS = {
    "triggered_by": ["ana", 7],
    "payload": ["text", [1], 7, b"{}"],
    "owner": ["ana", uuid4()],
    "run_at": [datetime(2026, 1, 1), "tomorrow", 7],  # noqa: DTZ001  (naive on purpose)
    "delay": [-timedelta(seconds=1), 5, timedelta.max],
    "after": ["4711", [7], None, uuid4()],
    "on_finish": [1, None],
    "on_duplicate": ["refuse", 1],
    "request_key": ["", 7, "k" * 201],
    "dispatch": [0, None],
    "files": [{"picture": b"x"}, ["a.png"], "a.png"],
}
BAD_CHOICES = [(name, value) for name in CHOICES for value in CHOICES[name]]
BAD_OPTIONS = [*PRIVATE.items(), *BAD_CHOICES]
BAD_ARGUMENTS = [(name, value) for name in ARGUMENTS for value in ARGUMENTS[name]]


def refusal(call: Callable[..., Any], *arguments: Any, **options: Any) -> str:
    with pytest.raises(BadRequest) as refused:
        call(*arguments, **options)
    sentence = str(refused.value)
    assert sentence.endswith((".", "?"))
    assert "\n" not in sentence
    assert len(sentence) < 250
    return sentence


def count(services: Services) -> int:
    with reading(services.engine) as connection:
        return connection.execute(select(func.count()).select_from(jobs)).scalar_one()


@pytest.mark.parametrize(("name", "value"), [*BAD_OPTIONS, *BAD_ARGUMENTS])
def test_a_job_takes_only_documented_options_with_good_values(services: Services, name: str, value: Any) -> None:
    sentence = refusal(services.jobs.create_job, "nothing", **{name: value})
    assert sentence.startswith(f"There is no option {name!r}." if name in PRIVATE else f"{name} must be ")
    assert count(services) == 0


@pytest.mark.parametrize(("name", "value"), BAD_OPTIONS)
def test_every_way_to_create_jobs_checks_its_options(
    services: Services, make: Callable[[], Job], name: str, value: Any
) -> None:
    root = make()
    for call, arguments in (
        (services.jobs.create_system_job, ["nothing"]),
        (services.jobs.create_user_job, ["nothing", {}, uuid4()]),
        (services.jobs.create_many, ["nothing", [{}, {}]]),
        (services.jobs.create_child_job, [root.id, "nothing"]),
        (lambda *args, **options: services.jobs.child_of(*args, None, options), [root, "nothing", {}]),
    ):
        refusal(call, *arguments, **{name: value})
    assert count(services) == 1


def test_the_nearest_option_is_named(services: Services) -> None:
    assert refusal(services.jobs.create_job, "nothing", titel="T") == (
        "There is no option 'titel'. Did you mean 'title'?"
    )


def test_a_job_has_one_start(services: Services) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    assert "not both" in refusal(services.jobs.create_job, "nothing", run_at=soon, delay=timedelta(hours=1))


@pytest.mark.parametrize("user_id", [None, "ana", 7])
def test_a_users_job_needs_a_user(services: Services, user_id: Any) -> None:
    assert refusal(services.jobs.create_user_job, "nothing", {}, user_id).startswith("user_id must be a UUID, not ")


@pytest.mark.parametrize(
    "wrong", [{"user_id": "ana"}, {"public": "x"}, {"public": None}, {"tenant": 7}, {"tenant": ""}]
)
def test_an_owner_can_be_stored(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=f"{next(iter(wrong))} must be "):
        Owner(**wrong)


@pytest.mark.parametrize("name", ["", " ", 7, "n" * 201])
def test_a_childs_name_is_a_text(services: Services, make: Callable[[], Job], name: Any) -> None:
    root = make()
    assert refusal(services.jobs.create_child_job, root.id, "nothing", name=name).startswith("name must be None or a")


@pytest.mark.parametrize("option", ["triggered_by", "delay", "after", "owner", "again_of"])
def test_a_child_takes_only_what_children_can_have(services: Services, make: Callable[[], Job], option: str) -> None:
    root = make()
    assert refusal(services.jobs.create_child_job, root.id, "nothing", **{option: None}).startswith(
        "There is no option"
    )


def test_a_child_goes_to_a_queue_that_exists(services: Services, make: Callable[[], Job]) -> None:
    root = make()
    with pytest.raises(UnknownQueue):
        services.jobs.create_child_job(root.id, "nothing", queue="nowhere")
    services.queues.add("nights")
    assert services.jobs.create_child_job(root.id, "nothing", queue="nights").queue == "nights"


@pytest.mark.parametrize("older_than", [0, timedelta(0), -timedelta(days=1), 30, None, timedelta.max])
def test_pruning_needs_an_age(services: Services, make: Callable[[], Job], older_than: Any) -> None:
    services.jobs.cancel(make().id)
    assert refusal(services.jobs.prune, older_than).startswith("older_than must be a timedelta longer than zero")
    assert count(services) == 1


def test_no_method_takes_an_id_that_is_none(services: Services) -> None:
    service = services.jobs
    calls: list[Callable[[Any], object]] = [
        service.get,
        service.cancel,
        service.retry,
        service.run_again,
        service.delete,
        service.release,
        service.attachments,
        service.remove_attachments,
        lambda job_id: service.attachment(job_id, uuid4()),
        lambda job_id: service.add_attachment(job_id, "a.txt", b""),
        lambda job_id: service.change(job_id, lambda job: job),
        lambda job_id: service.create_child_job(job_id, "nothing"),
        lambda job_id: service.cancel_many([job_id]),
        lambda job_id: service.retry_many([job_id]),
        lambda job_id: service.delete_many([job_id]),
    ]
    for call in calls:
        for job_id in ("4711", 7, None):
            with pytest.raises(JobNotFound, match="There is no job"):
                call(job_id)


def test_a_child_with_a_key_that_is_held_is_a_duplicate(services: Services, make: Callable[..., Job]) -> None:
    root, holder = make(), make(unique_key="one")
    with pytest.raises(DuplicateJob, match="unique key 'one'") as refused:
        services.jobs.create_child_job(root.id, "nothing", unique_key="one", name="first")
    assert refused.value.job_id == holder.id


def test_other_arguments_are_checked(services: Services, make: Callable[[], Job]) -> None:
    job = make()
    refusal(services.jobs.create_child_job, job.id, "nothing", "text")
    refusal(services.jobs.create_many, "nothing", [{}, "text"])
    refusal(services.jobs.create_many, "nothing", "text")
    refusal(services.jobs.run_again, job.id, owner="ana")
    refusal(services.admin_jobs.set_priority, job.id, "high")
    refusal(services.admin_jobs.set_priority, job.id, 10**7)
    refusal(services.admin_jobs.set_public, job.id, public="yes")
    refusal(services.jobs.add_attachment, job.id, "", b"x")
    refusal(services.jobs.add_attachment, job.id, "a.txt", 7)
    refusal(services.jobs.add_attachment, job.id, "a.txt", StringIO("text"))
    refusal(services.jobs.add_attachment, job.id, "a.txt", "text", keep=timedelta(0))
    refusal(services.jobs.add_attachment, job.id, "a.txt", b"x", 7)
    refusal(services.jobs.cancel, job.id, by="ana")
    refusal(services.jobs.change, job.id, None)
    refusal(services.jobs.find_mine_recent, Viewer(user_id=uuid4()), 30)


CHANGES: dict[str, list[Any]] = {
    "progress": [500, -1.0, "high", None, True, float("nan")],
    "done": ["1", float("inf")],
    "total": ["1", True],
    "message": [None, 7],
    "warnings": [None, ["w"], ("w",)],
    "state": [None, 7, "x"],
    "metadata": [[1]],
    "status": ["completed"],
    "title": ["", None, "t" * 201],
    "started_at": ["now", datetime.now(UTC)],
    "cancel_requested_at": [7],
    "cancel_kind": [7, ""],
    "attempt": ["7", 7, 2],
    "owner": [None, Owner(user_id=uuid4()), Owner(tenant="other")],
}
UNCHANGEABLE = {
    "type": "other",
    "version": 7,
    "priority": "high",
    "queue": "nowhere",
    "payload": {"x": 1},
    "lease_id": uuid4(),
    "root_id": uuid4(),
    "run_at": datetime.now(UTC),
    "max_attempts": 9,
    "record_only": False,
    "created_at": datetime.now(UTC),
}


@pytest.mark.parametrize(
    ("name", "value"), [*UNCHANGEABLE.items(), *((name, value) for name in CHANGES for value in CHANGES[name])]
)
def test_a_step_writes_only_what_the_methods_of_a_job_write(
    services: Services, make: Callable[..., Job], name: str, value: Any
) -> None:
    job = services.jobs.change(make(dispatch=False).id, Job.mark_running)
    sentence = refusal(services.jobs.change, job.id, lambda old: replace(old, **{name: value}))
    assert sentence.startswith("A step cannot change" if name in UNCHANGEABLE else (f"{name} must be ", "A step"))
    if name != "version":
        refusal(services.jobs.persist, replace(job, **{name: value}))
    assert services.jobs.get(job.id) == job


@pytest.mark.parametrize("value", [None, 7, "job"])
def test_a_step_returns_a_job(services: Services, make: Callable[[], Job], value: Any) -> None:
    job = make()
    assert "must return a Job" in refusal(services.jobs.change, job.id, lambda _: value)
    assert refusal(services.jobs.persist, value).startswith("job must be a Job, not ")


@pytest.mark.parametrize("wrong", [{"id": "4711"}, {"type": ""}, {"type": None}])
def test_a_job_has_an_identity(wrong: dict[str, Any]) -> None:
    good: dict[str, Any] = {"id": uuid4(), "type": "nothing", "title": "Nothing", "status": Status.QUEUED}
    Job(**good)
    with pytest.raises((TypeError, ValueError), match=f"{next(iter(wrong))} must be "):
        Job(**good | wrong)
