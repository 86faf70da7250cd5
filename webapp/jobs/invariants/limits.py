"""Checks of concurrency limits, of rates and of the pause of everything."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Engine, Select, func, select

from webapp.jobs.invariants.check import Check, check_rows
from webapp.jobs.model.job import NO_QUEUE
from webapp.jobs.model.policies import Limits
from webapp.jobs.queries.pauses import OF_EVERYTHING
from webapp.schema import jobs, queues, rate_starts, seconds_between

_GRACE = 10.0  # seconds in which a claim can be under way while everything is paused
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
