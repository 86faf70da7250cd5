from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from tests.jobs.approvals.conftest import Ask
from webapp.fault_injection import Fault, arm
from webapp.jobs.approvals import expiry
from webapp.jobs.model.job import Job, Status
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def test_a_job_that_nobody_decides_ends_with_a_sentence(
    services: Services, ask: Ask, make: Callable[..., Job], overdue: Callable[[Job], None]
) -> None:
    late, on_time = ask(), ask()
    dependent = make(after=[late.id])
    overdue(late)
    assert services.jobs.expire_approvals() == 1
    ended = services.jobs.get(late.id)
    assert (ended.status, ended.approval, ended.cancel_kind) == (Status.CANCELLED, "expired", "expired")
    assert ended.message == "Nobody approved it in time."
    names = [event.name for event in services.queries.jobs.timeline(late.id)]
    assert names == ["created", "approval_expired", "cancelled"]
    assert services.jobs.get(on_time.id) == on_time
    assert services.jobs.get(dependent.id).status is Status.CANCELLED
    assert services.jobs.expire_approvals() == 0


def test_an_expiry_that_fails_before_its_commit_is_repeated(
    services: Services, ask: Ask, overdue: Callable[[Job], None], tmp_path: Path
) -> None:
    job = ask()
    overdue(job)
    (tmp_path / "expire.commit").write_text("raise")
    arm(tmp_path)
    try:
        with pytest.raises(Fault):
            services.jobs.expire_approvals()
    finally:
        arm(None)
    assert services.jobs.get(job.id).waits_for_approval
    assert services.jobs.expire_approvals() == 1


def test_a_decision_just_before_the_clock_counts(
    services: Services, ask: Ask, monkeypatch: pytest.MonkeyPatch, overdue: Callable[[Job], None]
) -> None:
    job = ask()
    expire = expiry.expire

    def expire_after_a_decision(connection: object, found: Job) -> set[str] | None:
        return None if services.jobs.get(found.id).approval == "approved" else expire(connection, found)  # type: ignore[arg-type]

    services.jobs.approve(job.id, by=uuid4())
    overdue(job)
    monkeypatch.setattr(expiry, "expire", expire_after_a_decision)
    assert services.jobs.expire_approvals() == 0
    assert services.jobs.get(job.id).status is Status.QUEUED
