"""Checks of what stands around the jobs: the clock, the wake-ups, the keys in Redis."""

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
    """What is asked to see whether waiting work is announced."""

    queues: Queues
    claims: Claims
    wake_ups: WakeUps


def checks(engine: Engine, announcing: WakeUpSources) -> Iterator[Check]:
    """Return them."""
    yield check_items(
        f"A clock was heard of within the last {SILENT_AFTER.total_seconds():.0f} seconds.",
        lambda: _silent(engine),
        passing=True,
    )
    yield check_items(
        "Where work waits, a wake-up waits too, or somebody works.",
        lambda: _unannounced(engine, announcing),
        passing=True,
    )
    yield check_items("Redis holds nothing but what Deskjob puts there.", lambda: _strange(announcing.wake_ups))


def _silent(engine: Engine) -> Iterator[str]:
    if is_clock_silent(engine):
        heard = time_since_heartbeat(engine)
        yield "no clock was ever there" if heard is None else f"the last one was heard of {heard} ago"


def _unannounced(engine: Engine, its: WakeUpSources) -> Iterator[str]:
    with reading(engine) as connection:
        worked_on = set(connection.execute(select(leases.c.queue)).scalars())
    for queue in its.queues.all():
        if queue.name in worked_on or not its.claims.has_claimable(queue.name):
            continue
        try:
            if not its.wake_ups.waiting(queue.name):
                yield f"queue {queue.name}: jobs wait, no wake-up does, and no worker works on it"
        except RedisError as error:
            yield f"queue {queue.name}: Redis cannot be asked ({error})"


def _strange(wake_ups: WakeUps) -> Iterator[str]:
    try:
        yield from wake_ups.unknown_keys()
    except NoPermissionError:
        return  # whoever may see only Deskjob's keys has nobody else's there
    except RedisError as error:
        yield f"Redis cannot be asked ({error})"
