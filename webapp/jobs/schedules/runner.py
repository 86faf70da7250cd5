"""Firing: what a clock does every second with the schedules whose time has come, and people at any time.

One transaction per schedule: its next time is moved where it still is the old one, each due time becomes
a run, unique per schedule and time, and each run its job. So whoever is killed in between leaves nothing,
and of several clocks one is first.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from random import sample
from uuid import UUID

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import IntegrityError

from webapp.db.engine import reading, writing
from webapp.jobs.definition.payload import Vault
from webapp.jobs.definition.registry import Registry
from webapp.jobs.model.job import Job
from webapp.jobs.schedules import run_records
from webapp.jobs.schedules.cron_rule import UnknownTimeZone
from webapp.jobs.schedules.job_factory import CannotStart, PreviousRunUnfinished, ScheduledJobFactory
from webapp.jobs.schedules.misfires import FiringPlan, plan_firing
from webapp.jobs.schedules.schedule import RunOutcome, Schedule, to_schedule
from webapp.jobs.store.job_store import Store
from webapp.schema import now, schedules

log = logging.getLogger(__name__)
RUN_NOW_PRIORITY = 200  # the priority of a job that a person wanted at once
_AT_ONCE = 100
_BUSY = "There is one job at a time, and one was not finished."
_PASSED_OVER = "Nothing ran at this time, nor at those up to the next run."
_DUE = select(schedules, now().label("now")).where(schedules.c.next_fire_at <= now())


class ScheduleRunner:
    """Makes the jobs of schedules."""

    def __init__(
        self, engine: Engine, *, registry: Registry, vault: Vault, store: Store, wake: Callable[[str], None]
    ) -> None:
        self._engine = engine
        self._factory = ScheduledJobFactory(registry, vault, store)
        self._store = store
        self._wake = wake

    def fire_due(self) -> int:
        """Fire every schedule whose time has come; return how many jobs were made.

        A schedule that cannot make its job costs a run that says why, and stops no other one.
        """
        with reading(self._engine) as connection:
            due = connection.execute(_DUE.order_by(schedules.c.next_fire_at).limit(_AT_ONCE)).mappings().all()
        mixed = sample(due, len(due))  # so that several clocks do not all begin with the same one
        return sum(self._fire(to_schedule(row), row["now"]) for row in mixed)

    def run_now(self, schedule: Schedule, *, by: UUID | None = None) -> Job:
        """Make a job of a schedule at once, also of a paused one; its times stay as they are.

        Raises `CannotStart` where none can be made, and `PreviousRunUnfinished` while there is one at a time and
        that is not finished.
        """
        job = self._factory.make(schedule, priority=RUN_NOW_PRIORITY, triggered_by=by)
        try:
            with writing(self._engine) as connection:
                if self._factory.is_refused(connection, schedule, job):
                    raise PreviousRunUnfinished(schedule.name)
                at = _between_ticks(connection.execute(select(now())).scalar_one())
                while not run_records.record_run(
                    connection, schedule, at, RunOutcome.STARTED, job_id=job.id, asked_by=by
                ):
                    at += timedelta(microseconds=1)  # two people in one millisecond
                woken = self._factory.insert(connection, job)
        except IntegrityError:  # its key was taken just now
            raise PreviousRunUnfinished(schedule.name) from None
        self._wake_all(woken)
        return self._store.get(job.id)

    def _fire(self, schedule: Schedule, at: datetime) -> int:
        planned, error = _planned(schedule, at)
        try:
            with writing(self._engine) as connection:
                if not run_records.advance(connection, schedule, planned.next_at):
                    return 0  # another clock was faster
                if error or planned.oldest_skipped:
                    outcome = RunOutcome.REFUSED if error else RunOutcome.MISSED
                    missed_at = planned.oldest_skipped or schedule.next_fire_at or at
                    run_records.record_run(connection, schedule, missed_at, outcome, detail=error or _PASSED_OVER)
                tried = [self._start(connection, schedule, fire_at) for fire_at in planned.due]
        except IntegrityError:
            log.info("Schedule %s meets a job that is just being made; it is tried again.", schedule.name)
            return 0
        started = [queues for queues in tried if queues is not None]
        self._wake_all(set().union(*started))
        return len(started)

    def _start(self, connection: Connection, schedule: Schedule, fire_at: datetime) -> set[str] | None:
        """Make the job of one time; return the queues in which work waits then, or None where there is no job."""
        try:
            job = self._factory.make(schedule)
        except CannotStart as error:
            log.warning("Schedule %s cannot make its job: %s", schedule.name, error)
            run_records.record_run(connection, schedule, fire_at, RunOutcome.REFUSED, detail=str(error))
            return None
        if self._factory.is_refused(connection, schedule, job):
            run_records.record_run(connection, schedule, fire_at, RunOutcome.BUSY, detail=_BUSY)
            return None
        if not run_records.record_run(connection, schedule, fire_at, RunOutcome.STARTED, job_id=job.id):
            return None
        return self._factory.insert(connection, job)

    def _wake_all(self, queues: Iterable[str]) -> None:
        for queue in queues:
            self._wake(queue)


def _planned(schedule: Schedule, at: datetime) -> tuple[FiringPlan, str]:
    """Return what is to be done; with a sentence where nobody can know, and then nothing comes next."""
    try:
        return plan_firing(schedule.rule, schedule.next_fire_at or at, at, schedule.missed), ""
    except UnknownTimeZone as error:
        return FiringPlan(due=(), oldest_skipped=None, next_at=None), str(error)


def _between_ticks(at: datetime) -> datetime:
    """A rule names whole minutes, so that no time of it is taken by a run that somebody asked for."""
    return at if at.microsecond else at.replace(microsecond=1)
