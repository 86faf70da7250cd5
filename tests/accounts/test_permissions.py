from datetime import UTC, datetime
from uuid import uuid4

import pytest

from webapp.accounts.permissions import Reason, Right, may, refusal
from webapp.accounts.user import Role, User

SEEN = {Right.SEE_ALL_JOBS, Right.SEE_INSTALLATION, Right.READ_AUDIT}
FOR_ADMINS = {
    Right.EDIT_SCHEDULES,
    Right.CHANGE_TYPES,
    Right.CHANGE_USERS,
    Right.CHANGE_WEBHOOKS,
    Right.CHANGE_SECRET_KEY,
    Right.EDIT_NOTIFICATIONS,
}


def person(role: Role, tenant: str | None = None) -> User:
    return User(id=uuid4(), name="ana", role=role, created_at=datetime.now(UTC), tenant=tenant)


@pytest.mark.parametrize(
    ("role", "held"),
    [
        (Role.USER, set()),
        (Role.AUDITOR, SEEN),
        (Role.OPERATOR, set(Right) - FOR_ADMINS),
        (Role.ADMIN, set(Right)),
    ],
)
def test_each_role_holds_its_rights_and_no_others(role: Role, held: set[Right]) -> None:
    assert {right for right in Right if may(person(role), right)} == held


def test_a_refusal_gives_its_reason() -> None:
    assert refusal(person(Role.AUDITOR), Right.RUN_QUEUES) is Reason.ONLY_OPERATORS
    assert refusal(person(Role.OPERATOR), Right.CHANGE_USERS) is Reason.ONLY_ADMINS
    assert refusal(person(Role.ADMIN), Right.CHANGE_USERS) is None


def test_an_admin_of_a_tenant_manages_only_jobs_of_the_tenant() -> None:
    tenants_admin = person(Role.ADMIN, "north")
    assert {right for right in Right if may(tenants_admin, right)} == {Right.SEE_ALL_JOBS, Right.ACT_ON_ALL_JOBS}
    assert refusal(tenants_admin, Right.RUN_QUEUES) is Reason.NOT_IN_A_TENANT
