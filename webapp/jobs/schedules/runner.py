"""Run schedules: create the jobs of due schedules (a clock, every second) or of one schedule at once (a user).

Each schedule is one transaction: a compare-and-swap advances its next time, each due time becomes a run, unique per
schedule and time, and each run creates its job. A clock that is killed leaves nothing half done, and of several
clocks only one succeeds.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from random import sample
from uuid import UUID

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import IntegrityError

from webapp.db.engine import reading, writing
from webapp.jobs.budgets.admission import BudgetUsedUp
from webapp.jobs.definition.payload import Vault
from webapp.jobs.definition.registry import Registry
from webapp.jobs.model.job import Job
from webapp.jobs.schedules import run_records
from webapp.jobs.schedules.cron_rule import UnknownTimeZone
from webapp.jobs.schedules.job_factory import CannotStart, OwnerNow, PreviousRunUnfinished, ScheduledJobFactory
from webapp.jobs.schedules.misfires import FiringPlan, plan_firing
from webapp.jobs.schedules.schedule import RunOutcome, Schedule, to_schedule
from webapp.jobs.store.job_store import JobStore
from webapp.schema import database_time, now, schedules

log = logging.getLogger(__name__)
RUN_NOW_PRIORITY = 200  # the priority of a job that a user runs at once
_BATCH = 100
_BUSY = "The previous job had not finished."
_MISSED = "This run and the runs up to the next one were missed."
_DUE = select(schedules, now().label("now")).where(schedules.c.next_fire_at <= now())


class ScheduleRunner:
    """Creates the jobs of schedules."""

    def __init__(
        self,
        engine: Engine,
        *,
        registry: Registry,
        vault: Vault,
        store: JobStore,
        wake: Callable[[str], None],
        owner_now: OwnerNow,
    ) -> None:
        """Build it; ``owner_now`` returns the owner of a schedule's jobs as the account is now."""
        self._engine = engine
        self._factory = ScheduledJobFactory(registry, vault, store, owner_now)
        self._store = store
        self._wake = wake

    def fire_due(self) -> int:
        """Fire every due schedule; return how many jobs were created.

        A schedule that cannot create its job gets a run that says why; the others still fire.
        """
        with reading(self._engine) as connection:
            due = connection.execute(_DUE.order_by(schedules.c.next_fire_at).limit(_BATCH)).mappings().all()
        shuffled = sample(due, len(due))  # so that several clocks do not all start with the same schedule
        return sum(self._fire(to_schedule(row), row["now"]) for row in shuffled)

    def refusal(self, schedule: Schedule) -> str:
        """Return why the schedule could not create its job now; empty if it could."""
        try:
            self._factory.make(schedule)
        except CannotStart as error:
            return str(error)
        return ""

    def run_now(self, schedule: Schedule, *, by: UUID | None = None, first: bool = True) -> Job:
        """Create a job of a schedule at once, even of a paused one; its scheduled times do not change.

        With ``first``, it is claimed before scheduled and other jobs.

        Raises `CannotStart` if the job cannot be created, and `PreviousRunUnfinished` if the schedule runs one job
        at a time and the previous one has not finished.
        """
        job = self._factory.make(schedule, priority=RUN_NOW_PRIORITY if first else None, triggered_by=by)
        try:
            with writing(self._engine) as connection:
                if self._factory.is_refused(connection, schedule, job):
                    raise PreviousRunUnfinished(schedule.name)
                at = _off_schedule_time(database_time(connection))
                while not run_records.record_run(
                    connection, schedule, at, RunOutcome.STARTED, job_id=job.id, asked_by=by
                ):
                    at += timedelta(microseconds=1)  # another user ran it in the same millisecond
                queues = self._factory.insert(connection, job)
        except IntegrityError:  # another job has just taken its unique key
            raise PreviousRunUnfinished(schedule.name) from None
        self._wake_all(queues)
        return self._store.get(job.id)

    def _fire(self, schedule: Schedule, at: datetime) -> int:
        plan, error = _plan(schedule, at)
        try:
            with writing(self._engine) as connection:
                if not run_records.advance(connection, schedule, plan.next_at):
                    return 0  # another clock was first
                if error or plan.oldest_skipped:
                    outcome = RunOutcome.REFUSED if error else RunOutcome.MISSED
                    missed_at = plan.oldest_skipped or schedule.next_fire_at or at
                    run_records.record_run(connection, schedule, missed_at, outcome, detail=error or _MISSED)
                created = [self._start(connection, schedule, fire_at) for fire_at in plan.due]
        except IntegrityError:
            log.info("Schedule %s: another job has just taken its unique key. Trying again.", schedule.name)
            return 0
        started = [queues for queues in created if queues is not None]
        self._wake_all(set().union(*started))
        return len(started)

    def _start(self, connection: Connection, schedule: Schedule, fire_at: datetime) -> set[str] | None:
        """Create the job of one time; return the queues that it made claimable jobs in, or ``None`` without a job."""
        try:
            job = self._factory.make(schedule)
        except CannotStart as error:
            log.warning("Schedule %s cannot create its job: %s", schedule.name, error)
            run_records.record_run(connection, schedule, fire_at, RunOutcome.REFUSED, detail=str(error))
            return None
        if self._factory.is_refused(connection, schedule, job):
            run_records.record_run(connection, schedule, fire_at, RunOutcome.BUSY, detail=_BUSY)
            return None
        try:
            with connection.begin_nested():
                if not run_records.record_run(connection, schedule, fire_at, RunOutcome.STARTED, job_id=job.id):
                    return None
                return self._factory.insert(connection, job)
        except BudgetUsedUp as error:
            run_records.record_run(connection, schedule, fire_at, RunOutcome.REFUSED, detail=str(error))
            return None

    def _wake_all(self, queues: Iterable[str]) -> None:
        for queue in queues:
            self._wake(queue)


def _plan(schedule: Schedule, at: datetime) -> tuple[FiringPlan, str]:
    """Return the plan, and a sentence if the zone is gone: then no run is due, and none comes next."""
    try:
        return plan_firing(schedule.rule, schedule.next_fire_at or at, at, schedule.missed), ""
    except UnknownTimeZone as error:
        return FiringPlan(due=(), oldest_skipped=None, next_at=None), str(error)


def _off_schedule_time(at: datetime) -> datetime:
    """Return a time that no cron rule matches: rules match whole minutes only."""
    return at if at.microsecond else at.replace(microsecond=1)
