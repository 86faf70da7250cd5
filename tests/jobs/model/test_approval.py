from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from webapp.jobs.model.approval import Approval
from webapp.jobs.model.job import Job, NotApproved, Status


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"role": "boss"}, "role must be"),
        ({"group": ""}, "group must be"),
        ({"expires": timedelta(0)}, "expires must be"),
        ({"also_self": 1}, "also_self must be"),
        ({"when": True}, "when must be None or a function of the payload"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Approval(**values)


def test_operators_approve_unless_a_role_or_a_group_is_given() -> None:
    roles = [Approval(**given).weakest_role for given in ({}, {"role": "user"}, {"group": "Finance"})]
    assert roles == ["operator", "user", None]


def test_a_job_without_its_approval_can_only_end() -> None:
    job = Job(id=uuid4(), type="pay", title="Pay", status=Status.HELD, approval="pending")
    with pytest.raises(NotApproved, match="needs approval and does not have it, so it cannot start"):
        job.mark_queued()
    assert job.mark_cancelled().status is Status.CANCELLED
    with pytest.raises(NotApproved):
        job.mark_cancelled().mark_queued()
