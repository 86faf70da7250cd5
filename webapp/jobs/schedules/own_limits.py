"""Limits for the schedules that users add for themselves: how many each can have, and how close their runs can be."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection, func, select

from webapp.db.engine import is_sqlite
from webapp.jobs.schedules.cron_rule import CronRule
from webapp.jobs.schedules.draft import InvalidSchedule
from webapp.schema import schedules

_LOCK = 7_164_002  # arbitrary, but the same in every process
_MINUTE = timedelta(minutes=1)
TURNED_OFF = "Users cannot add schedules here. An admin can add one for you."


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnScheduleLimits:
    """``most`` schedules per person, 0 for none; ``interval`` is the shortest time between two runs of one."""

    most: int
    interval: timedelta

    def check_rule(self, rule: CronRule) -> None:
        """Raise `InvalidSchedule` if two runs of the rule can be closer than permitted."""
        shortest = rule.shortest_interval()
        if shortest < self.interval:
            needed = -(-self.interval // _MINUTE)
            message = f"Runs must be at least {needed} minutes apart. Two runs of this rule are {shortest // _MINUTE}."
            raise InvalidSchedule({"rule": message})

    def check_count(self, connection: Connection, user_id: UUID) -> None:
        """Raise `InvalidSchedule` unless the user can have one more schedule.

        Exact when two are added at once: the caller's transaction adds alone, per user.
        """
        if self.most == 0:
            raise InvalidSchedule({"": TURNED_OFF})
        if not is_sqlite(connection.engine):  # which has one writer at a time
            key = int.from_bytes(user_id.bytes[-4:], signed=True)
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK, key)))
        counted = select(func.count()).where(schedules.c.owner_id == user_id)
        if connection.execute(counted).scalar_one() >= self.most:
            raise InvalidSchedule({"": f"You already have {self.most} schedules, the maximum. Delete one first."})
