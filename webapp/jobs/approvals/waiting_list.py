"""The jobs that wait for the approval of a user: what the page, the badge, the API and the command line show."""

from typing import Any

from sqlalchemy import ColumnElement, Engine, func, or_, select

from webapp.db.engine import reading
from webapp.jobs.approvals.decisions import WAITING
from webapp.jobs.model.job import Job
from webapp.jobs.model.job_policy import JobPolicy
from webapp.jobs.queries.visible_jobs import Viewer, same_tenant
from webapp.jobs.store.job_store import to_job
from webapp.schema import jobs

CEILING = 100


class WaitingApprovals:
    """Reads what waits for somebody's approval. The policy decides; this is the same in SQL."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, policy: JobPolicy, limit: int = CEILING) -> tuple[Job, ...]:
        """Return the jobs that the user can approve or reject, those that expire first before the others."""
        if not policy.approvable_types:
            return ()
        oldest = select(jobs).where(*_approvable(policy)).order_by(jobs.c.approval_ends_at, jobs.c.id).limit(limit)
        with reading(self._engine) as connection:
            return tuple(to_job(row) for row in connection.execute(oldest).mappings())

    def count(self, policy: JobPolicy) -> int:
        """Return how many jobs the user can approve or reject, up to `CEILING`."""
        if not policy.approvable_types:
            return 0
        some = select(jobs.c.id).where(*_approvable(policy)).limit(CEILING).subquery()
        with reading(self._engine) as connection:
            return connection.execute(select(func.count()).select_from(some)).scalar_one()


def _approvable(policy: JobPolicy) -> list[ColumnElement[bool]]:
    viewer = Viewer(user_id=policy.user_id, sees_all=policy.sees_all, tenant=policy.tenant)
    concerned: Any = (jobs.c.owner_id, jobs.c.triggered_by, jobs.c.edited_by)
    by_others = [or_(column.is_(None), column != policy.user_id) for column in concerned]
    also_own = jobs.c.type.in_(sorted(policy.self_approvable_types))
    is_other = by_others[0] & by_others[1] & by_others[2]
    return [
        jobs.c.approval.is_not(None),  # as in the index
        *WAITING,
        jobs.c.type.in_(sorted(policy.approvable_types)),
        same_tenant(viewer),
        or_(also_own, is_other),
    ]
