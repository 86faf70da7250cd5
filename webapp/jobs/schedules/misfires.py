"""Plans: which times of a schedule are due now, which were missed, and which is the next. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from webapp.jobs.schedules.cron_rule import CronRule

TOO_LATE = timedelta(minutes=5)
MAX_CATCH_UP = 100
_MOMENT = timedelta(microseconds=1)  # earlier, so that the time itself counts


class MisfirePolicy(StrEnum):
    """What becomes of times that no clock saw: when all were stopped, or the database was away."""

    SKIP = "skip"  # what is more than `TOO_LATE` ago is passed over
    ONCE = "once"  # the last one fires, for all of them
    ALL = "all"  # each fires, the last `MAX_CATCH_UP` at most


@dataclass(frozen=True, slots=True, kw_only=True)
class FiringPlan:
    """``due`` fire now, in order; ``oldest_skipped`` is the oldest time that does not fire; then comes ``next_at``."""

    due: tuple[datetime, ...]
    oldest_skipped: datetime | None
    next_at: datetime | None


def plan_firing(rule: CronRule, fire_at: datetime, now: datetime, missed: MisfirePolicy) -> FiringPlan:
    """Return what to do at ``now`` for a schedule that was to fire at ``fire_at``, which is not later."""
    since = max(fire_at, now - TOO_LATE) if missed is MisfirePolicy.SKIP else fire_at
    due = rule.latest(since - _MOMENT, now, 1 if missed is MisfirePolicy.ONCE else MAX_CATCH_UP)
    first = due[0] if due else None
    return FiringPlan(due=due, oldest_skipped=None if first == fire_at else fire_at, next_at=rule.after(now))
