"""Checks of the clock, the wake-ups and the keys in Redis."""

from collections.abc import Iterator
from dataclasses import dataclass

from redis import RedisError
from redis.exceptions import NoPermissionError
from sqlalchemy import Engine, select

from webapp.db.engine import reading
from webapp.jobs.invariants.check import Check, check_items
from webapp.jobs.monitoring.clock_heartbeat import SILENT_AFTER, is_clock_silent, time_since_heartbeat
from webapp.jobs.queueing.claim import Claims
from webapp.jobs.queueing.queues import Queues
from webapp.jobs.rq_queue.wake_ups import WakeUps
from webapp.schema import leases


@dataclass(frozen=True)
class WakeUpSources:
    """What the check of wake-ups reads."""

    queues: Queues
    claims: Claims
    wake_ups: WakeUps


def checks(engine: Engine, sources: WakeUpSources) -> Iterator[Check]:
    """Yield the checks."""
    yield check_items(
        f"A clock sent a heartbeat within the last {SILENT_AFTER.total_seconds():.0f} seconds.",
        lambda: _silent(engine),
        transient=True,
    )
    yield check_items(
        "Every queue with claimable jobs has a wake-up or a busy worker.",
        lambda: _queues_without_wake_up(engine, sources),
        transient=True,
    )
    yield check_items("Redis contains only Deskjob's keys.", lambda: _foreign_keys(sources.wake_ups))


def _silent(engine: Engine) -> Iterator[str]:
    if is_clock_silent(engine):
        silent_for = time_since_heartbeat(engine)
        yield "no clock has ever run" if silent_for is None else f"the last heartbeat was {silent_for} ago"


def _queues_without_wake_up(engine: Engine, sources: WakeUpSources) -> Iterator[str]:
    with reading(engine) as connection:
        busy = set(connection.execute(select(leases.c.queue)).scalars())
    for queue in sources.queues.all():
        if queue.name in busy or not sources.claims.has_claimable(queue.name):
            continue
        try:
            if not sources.wake_ups.waiting(queue.name):
                yield f"queue {queue.name}: it has claimable jobs, but no wake-up and no busy worker"
        except RedisError as error:
            yield f"queue {queue.name}: Redis did not answer ({error})"


def _foreign_keys(wake_ups: WakeUps) -> Iterator[str]:
    try:
        yield from wake_ups.unknown_keys()
    except NoPermissionError:
        return  # a Redis user that is limited to Deskjob's keys cannot have others
    except RedisError as error:
        yield f"Redis did not answer ({error})"
