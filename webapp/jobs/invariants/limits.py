"""Checks of concurrency limits, of rates, of budgets and of the pause of everything."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Engine, Select, func, select

from webapp.db.engine import reading
from webapp.jobs.budgets.admission import BudgetGuard
from webapp.jobs.invariants.check import Check, check_rows
from webapp.jobs.model.job import NO_QUEUE
from webapp.jobs.model.policies import Limits
from webapp.jobs.queries.pauses import OF_EVERYTHING
from webapp.schema import attempts, budget_usage, budgets, jobs, later, queues, rate_starts, seconds_between, users

_GRACE = 10.0  # seconds in which a claim can be under way while everything is paused
_LAG_SECONDS = 60.0  # the clock adds what ended attempts have used every few seconds
_ROUNDING = 0.001
_RUNNING = (jobs.c.status == "running", jobs.c.queue != NO_QUEUE)


def checks(engine: Engine, limits: Mapping[str, Limits]) -> Iterator[Check]:
    """Yield up to two checks per limited type and three for all; a limit that was just lowered needs time."""
    for name, limit in limits.items():
        if limit.running is not None:
            rule = f"Job type {name} stays within its running limit ({limit.running})."
            yield check_rows(engine, rule, _over(limit.running, name), transient=True)
        if limit.running_per_owner is not None:
            rule = f"Job type {name} stays within its running limit per owner ({limit.running_per_owner})."
            yield check_rows(engine, rule, _over(limit.running_per_owner, name, jobs.c.owner_id), transient=True)
    paused_at = select(queues.c.paused_at).where(OF_EVERYTHING).scalar_subquery()
    yield check_rows(
        engine,
        "No job starts while everything is paused.",
        select(jobs.c.id, jobs.c.started_at).where(*_RUNNING, seconds_between(paused_at, jobs.c.started_at) > _GRACE),
    )
    yield check_rows(engine, "No more jobs start in a period than their rate permits.", over_rate())
    running_by_queue = select(
        jobs.c.queue, func.count().label("running"), queues.c.max_running.label("limit")
    ).join_from(jobs, queues, queues.c.name == jobs.c.queue)
    yield check_rows(
        engine,
        "Every queue stays within its running limit.",
        running_by_queue.where(*_RUNNING)
        .group_by(jobs.c.queue, queues.c.max_running)
        .having(func.count() > queues.c.max_running),
        transient=True,
    )


def over_rate() -> Select[*tuple[Any, ...]]:
    """Select the starts that came too early for the rate that their job had then."""
    start, before = rate_starts.alias("start"), rate_starts.alias("before")
    apart = seconds_between(before.c.started_at, start.c.started_at)
    return (
        select(start.c.rate_key, start.c.job_id, start.c.started_at, apart.label("seconds_after_the_last_but_most"))
        .join_from(start, before, before.c.rate_key == start.c.rate_key)
        .where(before.c.number == start.c.number - start.c.most, apart < start.c.seconds)
    )


def _over(limit: int, type_name: str, *per: Any) -> Select[*tuple[Any, ...]]:
    running = select(jobs.c.type, *per, func.count().label("running")).where(*_RUNNING, jobs.c.type == type_name)
    return running.group_by(jobs.c.type, *per).having(func.count() > limit)


def budget_checks(engine: Engine, budget_guard: BudgetGuard) -> Iterator[Check]:
    """Yield the checks of an installation that has budgets."""
    usage = budget_usage.c
    with reading(engine) as connection:
        month = budget_guard.month(connection)
    current = usage.month == month.name
    started = (
        select(usage.user_id, usage.jobs.label("counted"), func.count(jobs.c.id).label("rows"))
        .join(jobs, (jobs.c.owner_id == usage.user_id) & jobs.c.root_id.is_(None) & (jobs.c.created_at >= usage.since))
        .where(current)
        .group_by(usage.user_id, usage.jobs)
        .having(func.count(jobs.c.id) > usage.jobs)
    )
    yield check_rows(engine, "Each job of this month is counted in the budget of its owner.", started)
    measured = func.coalesce(func.sum(attempts.c.cpu_seconds), 0.0)
    ended = (attempts.c.finished_at >= month.begins_at) & (attempts.c.finished_at < later(-_LAG_SECONDS))
    used = (
        select(usage.user_id, usage.cpu_seconds.label("counted"), measured.label("measured"))
        .join(jobs, jobs.c.owner_id == usage.user_id)
        .join(attempts, (attempts.c.job_id == jobs.c.id) & ended)
        .where(current)
        .group_by(usage.user_id, usage.cpu_seconds)
        .having(measured > usage.cpu_seconds + _ROUNDING)
    )
    rule = "The processor time of each attempt of this month is counted in the budget of its owner."
    yield check_rows(engine, rule, used, transient=True)
    orphans = select(usage.user_id).where(current, usage.user_id.not_in(select(users.c.id)))
    yield check_rows(engine, "Each budget that was used belongs to an account.", orphans)
    lowest = (budgets.c.jobs <= 0) | (budgets.c.cpu_seconds <= 0) | (budgets.c.memory_gb_hours <= 0)
    yield check_rows(engine, "Each limit of a budget is above zero.", select(budgets.c.subject).where(lowest))
