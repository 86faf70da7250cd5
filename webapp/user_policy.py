"""The job policy of a user: the one place where role, tenant, groups and job types become permissions for jobs."""

from webapp.accounts.permissions import Right, has_role, may
from webapp.accounts.user import Role, User
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.definition.registry import Registry
from webapp.jobs.model.approval import Approval
from webapp.jobs.model.job_policy import JobPolicy
from webapp.jobs.queries.visible_jobs import Viewer
from webapp.jobs.questions.question import ROLES, group_key, role_key, user_key


def user_policy(user: User, registry: Registry) -> JobPolicy:
    """Return what the user can see of jobs and do with them."""
    groups = registry.groups
    return JobPolicy(
        user_id=user.id,
        tenant=user.tenant,
        sees_all=may(user, Right.SEE_ALL_JOBS),
        acts_on_all=may(user, Right.ACT_ON_ALL_JOBS),
        closed_types=frozenset(kind.name for kind in registry if not _may_start(user, kind)),
        private_types=groups.private,
        unlisted_types=groups.unlisted,
        password_types=groups.asking_for_password,
        acting_types=groups.acting_as_owner,
        approvable_types=frozenset(
            kind.name for kind in groups.with_approval if kind.approval and may_approve(user, kind.approval)
        ),
        self_approvable_types=groups.self_approvable,
        answers_as=_answers_as(user),
        answers_all=may(user, Right.CHANGE_USERS),
        groups=frozenset(user.groups),
        shares_with_all=may(user, Right.CHANGE_USERS),
    )


def _answers_as(user: User) -> frozenset[str]:
    """Return whom a job can ask so that this user is among them."""
    roles = [role_key(role) for role in ROLES if has_role(user, Role(role))]
    return frozenset([user_key(user.id), *roles, *map(group_key, user.groups)])


def _may_start(user: User, job_type: JobType) -> bool:
    """Return whether role, tenant and groups permit it. Whoever manages groups could join each of them."""
    in_group = job_type.name not in user.types_of_other_groups or may(user, Right.CHANGE_USERS)
    return in_group and job_type.may_be_started_by(user.role, user.tenant)


def may_approve(user: User, approval: Approval) -> bool:
    """Return whether role and group permit a user to approve jobs of others."""
    if approval.weakest_role is not None and not has_role(user, Role(approval.weakest_role)):
        return False
    return approval.group is None or approval.group in user.groups or may(user, Right.CHANGE_USERS)


def viewer_of(policy: JobPolicy) -> Viewer:
    """Return the viewer that queries take: the same policy in SQL."""
    approves = frozenset[str]() if policy.sees_all else policy.approvable_types
    unshared = policy.private_types if policy.groups else frozenset[str]()
    return Viewer(
        user_id=policy.user_id,
        sees_all=policy.sees_all,
        tenant=policy.tenant,
        approves=approves,
        groups=tuple(sorted(policy.groups)),
        unshared_types=unshared,
    )
