"""Misfires: which times of a schedule are due now, which were missed, and which comes next. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from webapp.jobs.schedules.cron_rule import CronRule

TOO_LATE = timedelta(minutes=5)
MAX_CATCH_UP = 100
_INSTANT = timedelta(microseconds=1)  # subtracted, so that the time itself is included


class MisfirePolicy(StrEnum):
    """What happens to times that no clock fired, because all were stopped or the database was unreachable."""

    SKIP = "skip"  # times more than `TOO_LATE` ago are skipped
    ONCE = "once"  # only the latest one fires
    ALL = "all"  # the latest `MAX_CATCH_UP` fire


@dataclass(frozen=True, slots=True, kw_only=True)
class FiringPlan:
    """``due`` fire now, in order; ``oldest_skipped`` is the oldest time that does not fire; ``next_at`` is next."""

    due: tuple[datetime, ...]
    oldest_skipped: datetime | None
    next_at: datetime | None


def plan_firing(rule: CronRule, fire_at: datetime, now: datetime, missed: MisfirePolicy) -> FiringPlan:
    """Return what to do at ``now`` for a schedule that is due since ``fire_at``."""
    since = max(fire_at, now - TOO_LATE) if missed is MisfirePolicy.SKIP else fire_at
    due = rule.latest(since - _INSTANT, now, 1 if missed is MisfirePolicy.ONCE else MAX_CATCH_UP)
    first = due[0] if due else None
    return FiringPlan(due=due, oldest_skipped=None if first == fire_at else fire_at, next_at=rule.after(now))
