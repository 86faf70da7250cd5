"""Add what ended attempts have used to the months of their owners; the clock calls it every few seconds.

An attempt whose process was killed has measured neither processor time nor memory, and adds nothing.
"""

from zoneinfo import ZoneInfo

from sqlalchemy import Engine, and_, case, delete, func, literal, select

from webapp.db.engine import reading, writing
from webapp.fault_injection import faultpoint
from webapp.jobs.budgets.admission import BudgetGuard, add_usage
from webapp.jobs.budgets.month import Month
from webapp.jobs.metrics import cursors
from webapp.jobs.model.job import EventName
from webapp.schema import attempts, budget_usage, database_time, events, jobs, seconds_between

NAME = "budgets"
BATCH = 2000
KEPT_MONTHS = 24
_BATCHES = 20  # per call, as the clock has other chores
_GB_SECONDS = 1_000_000_000 * 3600.0


def roll_up(engine: Engine, budget_guard: BudgetGuard) -> None:
    """Add the attempts that have ended since the last call."""
    for _ in range(_BATCHES):
        if not _roll_up(engine, budget_guard):
            break


def prune_usage(engine: Engine, *, only_count: bool = False) -> int:
    """Delete what was used in months that are long past; return how many rows."""
    with reading(engine) as connection:
        month = Month.of(database_time(connection), ZoneInfo("UTC"))
    for _ in range(KEPT_MONTHS):
        month = month.before()
    old = budget_usage.c.month < month.name
    if only_count:
        with reading(engine) as connection:
            return connection.execute(select(func.count()).select_from(budget_usage).where(old)).scalar_one()
    with writing(engine) as connection:
        return connection.execute(delete(budget_usage).where(old)).rowcount


def _roll_up(engine: Engine, budget_guard: BudgetGuard) -> int:
    with cursors.lock_cursor(engine, NAME) as (connection, cursor):
        last = cursors.last_settled_event(connection, cursor.event_id, BATCH)
        if last == cursor.event_id:
            return 0
        at = database_time(connection)
        month = Month.of(at, budget_guard.zone)
        before = month.before()
        name = case((attempts.c.finished_at >= month.begins_at, literal(month.name)), else_=literal(before.name))
        # the row of the last slice has the time of all of them
        is_slice = attempts.c.outcome == EventName.CONTINUED
        seconds = case((is_slice, 0.0), else_=seconds_between(attempts.c.started_at, attempts.c.finished_at))
        memory = func.coalesce(attempts.c.peak_memory, 0) * seconds / _GB_SECONDS
        ended = and_(
            attempts.c.job_id == events.c.job_id,
            attempts.c.number == events.c.attempt,
            attempts.c.outcome == events.c.name,
        )
        each = (
            select(
                jobs.c.owner_id.label("user_id"),
                name.label("month"),
                func.coalesce(attempts.c.cpu_seconds, 0.0).label("cpu_seconds"),
                memory.label("memory_gb_hours"),
            )
            .select_from(events.join(attempts, ended).join(jobs, jobs.c.id == events.c.job_id))
            .where(events.c.id > cursor.event_id, events.c.id <= last, jobs.c.owner_id.is_not(None))
            .where(attempts.c.finished_at >= before.begins_at)
            .subquery()
        )
        sums = (func.sum(each.c[column]).label(column) for column in ("cpu_seconds", "memory_gb_hours"))
        grouped = select(each.c.user_id, each.c.month, *sums).group_by(each.c.user_id, each.c.month)
        rows = connection.execute(grouped.order_by(each.c.user_id)).mappings().all()
        if rows:
            add_usage(connection, [dict(row) for row in rows])
        cursors.move_cursor(connection, NAME, event_id=last)
        faultpoint("budget.roll-up")
        return last - cursor.event_id
