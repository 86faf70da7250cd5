"""Checks of limits: no more runs at once than may."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Engine, Select, func, select

from webapp.jobs.invariants.check import Check, check_rows
from webapp.jobs.model.job import NO_QUEUE
from webapp.jobs.model.policies import Limits
from webapp.schema import jobs, queues

_RUNS = (jobs.c.status == "running", jobs.c.queue != NO_QUEUE)


def checks(engine: Engine, limits: Mapping[str, Limits]) -> Iterator[Check]:
    """Return them: two per limited type, and one for the queues. A limit that was just lowered is met by and by."""
    for name, limit in limits.items():
        if limit.running is not None:
            rule = f"No more than {limit.running} jobs of type {name} run at once."
            yield check_rows(engine, rule, _over(limit.running, name), passing=True)
        if limit.running_per_owner is not None:
            rule = f"No more than {limit.running_per_owner} jobs of type {name} run at once for one owner."
            yield check_rows(engine, rule, _over(limit.running_per_owner, name, jobs.c.owner_id), passing=True)
    crowded = select(jobs.c.queue, func.count().label("running"), queues.c.max_running.label("limit")).join_from(
        jobs, queues, queues.c.name == jobs.c.queue
    )
    yield check_rows(
        engine,
        "No more jobs run in a queue than it allows.",
        crowded.where(*_RUNS).group_by(jobs.c.queue, queues.c.max_running).having(func.count() > queues.c.max_running),
        passing=True,
    )


def _over(most: int, type_name: str, *per: Any) -> Select[*tuple[Any, ...]]:
    running = select(jobs.c.type, *per, func.count().label("running")).where(*_RUNS, jobs.c.type == type_name)
    return running.group_by(jobs.c.type, *per).having(func.count() > most)
