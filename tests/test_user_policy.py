"""The policy of a user follows from the role, the tenant and the job types."""

from collections.abc import Callable

import pytest

from webapp.accounts.user import Role, User
from webapp.jobs.model.job import Owner
from webapp.jobs.queries.visible_jobs import Viewer
from webapp.services import Services
from webapp.user_policy import user_policy, viewer_of


@pytest.mark.parametrize(
    ("role", "sees_all", "acts_on_all"),
    [
        (Role.USER, False, False),
        (Role.AUDITOR, True, False),
        (Role.OPERATOR, True, True),
        (Role.ADMIN, True, True),
    ],
)
def test_a_role_decides_what_a_user_sees_and_acts_on(
    services: Services, person: Callable[..., User], role: Role, sees_all: bool, acts_on_all: bool
) -> None:
    policy = user_policy(person("ana", role=role), services.registry)
    assert (policy.sees_all, policy.acts_on_all) == (sees_all, acts_on_all)
    assert ("user_import" in policy.closed_types) is (role is not Role.ADMIN)
    assert policy.unlisted_types == {"bulk_action", "failure_hook", "notification_delivery"}
    assert policy.acting_types == {"bulk_action", "job_history_export"}
    assert policy.private_types == {"job_history_export"}


def test_queries_and_new_jobs_stay_in_the_tenant_of_the_user(services: Services, person: Callable[..., User]) -> None:
    user = person("ana", role=Role.OPERATOR, tenant="north")
    policy = user_policy(user, services.registry)
    assert viewer_of(policy) == Viewer(user_id=user.id, sees_all=True, tenant="north")
    assert policy.owner == Owner(user_id=user.id, tenant="north")
