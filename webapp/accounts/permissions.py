"""Permissions: which role holds which right, and the reason for a refusal. Pure; pages and commands use it.

A user who belongs to a tenant holds rights over that tenant's jobs only. Queues, workers, job
types and users are shared by the whole installation and managed by users without a tenant.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from webapp.accounts.user import Role, User


class Right(StrEnum):
    """A permission that not every role has."""

    SEE_ALL_JOBS = "see_all_jobs"
    SEE_INSTALLATION = "see_installation"
    READ_AUDIT = "read_audit"
    ACT_ON_ALL_JOBS = "act_on_all_jobs"  # stop, retry, run again, delete, prioritise, keep, make public
    SETTLE_ERRORS = "settle_errors"  # resolve, ignore, reopen
    RUN_QUEUES = "run_queues"  # pause, resume, limit, empty
    STOP_WORKERS = "stop_workers"
    RUN_SCHEDULES = "run_schedules"  # pause, resume, run now
    EDIT_SCHEDULES = "edit_schedules"  # create, change, delete
    CHANGE_TYPES = "change_types"
    CHANGE_USERS = "change_users"
    EDIT_NOTIFICATIONS = "edit_notifications"  # rules of the installation, and sending messages of other users again
    CHANGE_WEBHOOKS = "change_webhooks"
    CHANGE_SECRET_KEY = "change_secret_key"  # noqa: S105  (a permission)


class Reason(StrEnum):
    """Why a user lacks a right, as a sentence that views translate."""

    ONLY_OPERATORS = "Only operators and admins can do this."
    ONLY_ADMINS = "Only admins can do this."
    NOT_IN_A_TENANT = "Users who belong to a tenant cannot do this."


_WEAKEST: Mapping[Right, Role] = MappingProxyType(
    {
        Right.SEE_ALL_JOBS: Role.AUDITOR,
        Right.SEE_INSTALLATION: Role.AUDITOR,
        Right.READ_AUDIT: Role.AUDITOR,
        Right.ACT_ON_ALL_JOBS: Role.OPERATOR,
        Right.SETTLE_ERRORS: Role.OPERATOR,
        Right.RUN_QUEUES: Role.OPERATOR,
        Right.STOP_WORKERS: Role.OPERATOR,
        Right.RUN_SCHEDULES: Role.OPERATOR,
        Right.EDIT_SCHEDULES: Role.ADMIN,
        Right.CHANGE_TYPES: Role.ADMIN,
        Right.CHANGE_USERS: Role.ADMIN,
        Right.EDIT_NOTIFICATIONS: Role.ADMIN,
        Right.CHANGE_WEBHOOKS: Role.ADMIN,
        Right.CHANGE_SECRET_KEY: Role.ADMIN,
    }
)
_WITHIN_A_TENANT = frozenset({Right.SEE_ALL_JOBS, Right.ACT_ON_ALL_JOBS})
_RANK = tuple(Role)


def refusal(user: User, right: Right) -> Reason | None:
    """Return why the user lacks the right, or ``None`` if the user holds it."""
    if not has_role(user, _WEAKEST[right]):
        return Reason.ONLY_ADMINS if _WEAKEST[right] is Role.ADMIN else Reason.ONLY_OPERATORS
    if user.tenant is not None and right not in _WITHIN_A_TENANT:
        return Reason.NOT_IN_A_TENANT
    return None


def has_role(user: User, weakest: Role) -> bool:
    """Return whether the user has a role or a stronger one."""
    return _RANK.index(user.role) >= _RANK.index(weakest)


def may(user: User, right: Right) -> bool:
    """Whether the user holds the right."""
    return refusal(user, right) is None
