"""Plans: which times of a schedule are due now, which were missed, and which is the next. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from webapp.jobs.schedules.cron_rule import Rule

TOO_LATE = timedelta(minutes=5)
MOST = 100
_MOMENT = timedelta(microseconds=1)  # earlier, so that the time itself counts


class Missed(StrEnum):
    """What becomes of times that no clock saw: when all were stopped, or the database was away."""

    SKIP = "skip"  # what is more than `TOO_LATE` ago is passed over
    ONCE = "once"  # the last one fires, for all of them
    ALL = "all"  # each fires, the last `MOST` at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """``due`` fire now, in order; ``passed_over`` is the oldest time that does not, if any; then comes ``next_at``."""

    due: tuple[datetime, ...]
    passed_over: datetime | None
    next_at: datetime | None


def plan(rule: Rule, fire_at: datetime, now: datetime, missed: Missed) -> Plan:
    """Return what to do at ``now`` for a schedule that was to fire at ``fire_at``, which is not later."""
    since = max(fire_at, now - TOO_LATE) if missed is Missed.SKIP else fire_at
    due = rule.latest(since - _MOMENT, now, 1 if missed is Missed.ONCE else MOST)
    first = due[0] if due else None
    return Plan(due=due, passed_over=None if first == fire_at else fire_at, next_at=rule.after(now))
