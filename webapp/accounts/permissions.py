"""Rights: which role may do what, and why another one may not. Pure; pages, commands and checks all ask here.

A person who belongs to a tenant holds rights over that tenant's jobs only: what the whole installation
shares (queues, workers, types, people) is run by those who belong to none.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from webapp.accounts.user import Role, User


class Right(StrEnum):
    """Something that not everybody may do."""

    SEE_ALL_JOBS = "see_all_jobs"
    SEE_INSTALLATION = "see_installation"
    READ_AUDIT = "read_audit"
    ACT_ON_ALL_JOBS = "act_on_all_jobs"  # stop, retry, run again, delete, prioritise, keep, make public
    SETTLE_ERRORS = "settle_errors"  # resolve, ignore, reopen
    RUN_QUEUES = "run_queues"  # pause, resume, limit, empty
    STOP_WORKERS = "stop_workers"
    RUN_SCHEDULES = "run_schedules"  # pause, resume, run now
    EDIT_SCHEDULES = "edit_schedules"  # create, change, remove
    CHANGE_TYPES = "change_types"
    CHANGE_USERS = "change_users"


class Reason(StrEnum):
    """Why somebody may not, as a sentence; views translate it."""

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
    }
)
_WITHIN_A_TENANT = frozenset({Right.SEE_ALL_JOBS, Right.ACT_ON_ALL_JOBS})
_RANK = tuple(Role)


def refusal(user: User, right: Right) -> Reason | None:
    """Return why this person may not; ``None`` who may."""
    if _RANK.index(user.role) < _RANK.index(_WEAKEST[right]):
        return Reason.ONLY_ADMINS if _WEAKEST[right] is Role.ADMIN else Reason.ONLY_OPERATORS
    if user.tenant is not None and right not in _WITHIN_A_TENANT:
        return Reason.NOT_IN_A_TENANT
    return None


def may(user: User, right: Right) -> bool:
    """Whether this person holds the right."""
    return refusal(user, right) is None
