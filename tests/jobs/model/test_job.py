from dataclasses import FrozenInstanceError, fields
from itertools import product
from uuid import UUID, uuid4

import pytest

from webapp.jobs.model.job import MOVES, SYSTEM, IllegalTransition, Job, Owner, Status

# A second copy of the table, so that a mistake in the first one is noticed
LEGAL = {
    "held": "queued scheduled cancelled failed",
    "scheduled": "queued cancelled held",  # held: an edit after which it needs approval
    "queued": "running cancelled failed scheduled held",  # scheduled: an edit that moves the start
    "running": "waiting completed failed cancelled stale scheduled queued held",  # held: it has asked a person
    "waiting": "completed failed cancelled stale",
    # waiting: a root whose own handler has returned, when some of its children run again
    # held: it runs again together with a job that it follows
    "failed": "queued waiting held",
    "cancelled": "queued waiting held",
    "stale": "queued waiting held",
    "completed": "",
}
STEPS = {
    Status.RUNNING: Job.mark_running,
    Status.COMPLETED: Job.mark_completed,
    Status.FAILED: Job.mark_failed,
    Status.CANCELLED: Job.mark_cancelled,
    Status.QUEUED: Job.mark_queued,
}


def job(status: Status = Status.QUEUED, **values: object) -> Job:
    return Job(id=UUID(int=0xABCDEF12), type="t", title="T", status=status, **values)


@pytest.mark.parametrize(("old", "new"), list(product(Status, Status)))
def test_a_status_changes_only_as_the_table_allows(old: Status, new: Status) -> None:
    legal = new.value in LEGAL[old.value].split()
    assert (new in MOVES[old]) is legal
    if new in STEPS and legal:
        assert STEPS[new](job(old)).status is new
    elif new in STEPS:
        with pytest.raises(IllegalTransition, match=f"^Job abcdef12 is {old} and cannot become {new}.$"):
            STEPS[new](job(old))


def test_a_job_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        job().status = Status.RUNNING


def test_a_step_returns_a_new_value_and_does_not_change_the_old_one() -> None:
    old = job()
    new = old.mark_running()
    assert (old.status, old.attempt) == (Status.QUEUED, 0)
    assert (new.status, new.attempt) == (Status.RUNNING, 1)


def test_a_completed_job_is_at_100_per_cent() -> None:
    assert job(Status.RUNNING, progress=40.0).mark_completed().progress == 100.0


def test_a_failed_job_keeps_its_progress_and_its_earlier_errors() -> None:
    failed = job(Status.RUNNING, progress=40.0, errors=({"text": "one"},)).mark_failed(["two", {"text": "three"}])
    assert failed.progress == 40.0
    assert [error["text"] for error in failed.errors] == ["one", "two", "three"]


@pytest.mark.parametrize("percent", [-0.1, 100.1, float("nan"), float("inf")])
def test_progress_outside_0_to_100_is_rejected(percent: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 100 per cent"):
        job().with_progress(percent)


@pytest.mark.parametrize("percent", [0, 0.0, 42.5, 100, 100.0])
def test_progress_is_stored_as_a_float(percent: float) -> None:
    progressed = job().with_progress(percent).progress
    assert progressed == percent
    assert isinstance(progressed, float)


def test_progress_from_amounts_is_clamped_and_keeps_the_amounts() -> None:
    done = job().with_progress_from_amounts(30, 20)
    assert (done.progress, done.done, done.total) == (100.0, 30, 20)


def test_only_a_system_job_can_be_public() -> None:
    assert job(owner=SYSTEM).with_public(True).public  # noqa: FBT003
    with pytest.raises(ValueError, match="Only jobs of the system can be public"):
        job(owner=Owner(user_id=uuid4())).with_public(True)  # noqa: FBT003
    with pytest.raises(ValueError, match="Only jobs of the system can be public"):
        Owner(user_id=uuid4(), public=True)


@pytest.mark.parametrize("status", list(Status))
def test_a_job_is_new_or_running_or_waiting_or_finished(status: Status) -> None:
    value = job(status)
    assert value.is_new is (status.value in {"held", "scheduled", "queued"})
    assert value.is_running is (status.value == "running")
    assert value.is_finished is (status.value in {"completed", "failed", "cancelled", "stale"})


def test_the_fingerprint_changes_with_every_write() -> None:
    assert job(version=1).fingerprint() != job(version=2).fingerprint()
    assert job(version=1).fingerprint() == job(version=1).fingerprint()


def test_each_step_sets_the_field_in_its_name() -> None:
    changed = (
        job()
        .with_message("Reading")
        .with_warnings(["careful"])
        .with_errors([{"text": "bad", "at": "now"}])
        .with_metadata({"a": 1})
        .with_state({"row": 7})
    )
    assert changed.message == "Reading"
    assert changed.warnings == ({"text": "careful"},)
    assert changed.errors == ({"text": "bad", "at": "now"},)
    assert (changed.metadata, changed.state) == ({"a": 1}, {"row": 7})
    assert changed.has_warnings
    assert changed.has_errors


def test_to_dict_has_every_field() -> None:
    assert set(job().to_dict()) == {*(field.name for field in fields(Job)), "done_with_warnings"}


def test_a_completed_job_with_warnings_is_done_with_warnings() -> None:
    warned = job(status=Status.RUNNING).with_warnings(["Row 2 was skipped."])
    assert not warned.done_with_warnings
    assert not warned.mark_failed().done_with_warnings
    assert not job(status=Status.COMPLETED).done_with_warnings
    assert warned.mark_completed().done_with_warnings
    assert warned.mark_completed().to_dict()["done_with_warnings"] is True
