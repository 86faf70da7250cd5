"""The rehearsal: a worker runs the statements of a job's life once before it forks.

The forks inherit what was imported and compiled for that, which takes longer than a short job. Nobody else sees
anything of it: what it writes is rolled back, and its leases do not exist.
"""

from contextlib import suppress
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import Engine
from uuid_utils.compat import uuid7

from webapp.db.engine import is_sqlite, writing
from webapp.jobs.execution.groups.finish_group import CompletedAttempt, complete_group
from webapp.jobs.execution.groups.group_size import SIZES
from webapp.jobs.execution.leases import Holder, Leases, insert_lease
from webapp.jobs.execution.worker_heartbeat import WorkerHeartbeat, add_job_counts
from webapp.jobs.lifecycle import finish_attempt
from webapp.jobs.lifecycle.finish_attempt import AttemptLocation, Ending
from webapp.jobs.model.job import EventName, Job, Owner, Status
from webapp.jobs.queueing.claim import Claims, log_group_start
from webapp.jobs.queueing.next_claim import Group, NextClaim
from webapp.jobs.store.fence import LeaseLost
from webapp.jobs.store.job_store import JobStore

_NAME = "rehearsal"
_QUEUE = "rehearsal,"  # no queue has a comma in its name, so it has no jobs
_COMPLETED = Ending(status=Status.COMPLETED, outcome=EventName.COMPLETED)


class _Rehearsed(Exception):
    """Rolls back the end of the rehearsal."""


def rehearse(claims: Claims, leases: Leases, holder: Holder) -> None:
    """Run the frequent statements; raises ``DBAPIError`` while the database is away."""
    claims.has_claimable(_QUEUE)
    leases.open_if_claimable(claims, holder, _QUEUE)
    claims.claim(_QUEUE, uuid4(), fresh=True)
    no_lease = uuid4()
    leases.beat(no_lease)
    leases.running_job(no_lease)
    _end_a_job(leases.engine, holder)
    _end_a_job(leases.engine, holder, claims.next_claim(_QUEUE, no_lease))
    for size in SIZES:  # a statement of PostgreSQL takes ten milliseconds to compile
        for in_group in (False, True):
            group = Group(size, _NAME)
            _end_a_job(leases.engine, holder, claims.next_claim(_QUEUE, no_lease, group), in_group=in_group)
    leases.settle(no_lease, why=_NAME)
    add_job_counts(leases.engine, _NAME, done=0, failed=0)
    with suppress(_Rehearsed), writing(leases.engine) as connection:
        WorkerHeartbeat(leases.engine, holder, [_QUEUE], _NAME).rehearse(connection)
        raise _Rehearsed


def _end_a_job(engine: Engine, holder: Holder, next_claim: NextClaim | None = None, *, in_group: bool = False) -> None:
    at = datetime.now(UTC)
    job = Job(
        id=uuid7(),
        type=_NAME,
        title="",
        status=Status.RUNNING,
        owner=Owner(),
        payload={},
        queue=_QUEUE,
        started_at=at,
    )
    location = AttemptLocation(worker=holder.worker, host=holder.host, pid=holder.pid)
    shape = finish_attempt.family_shape_of(job, _COMPLETED)
    with suppress(_Rehearsed), writing(engine) as connection:
        insert_lease(connection, holder, _QUEUE)
        JobStore(engine).insert(connection, [job])
        if in_group:
            completed = CompletedAttempt(job=job, started_at=at, finished_at=at, cpu_seconds=0.0, peak_memory=0)
            with suppress(LeaseLost):
                complete_group(connection, [completed], location, next_claim)
        else:
            finish_attempt.end_attempt(connection, job, location, _COMPLETED, shape=shape, next_claim=next_claim)
        if is_sqlite(engine):
            log_group_start(connection, {"horse_lease": uuid4()})
        raise _Rehearsed
