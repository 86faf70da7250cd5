"""`Month`: a calendar month of the installation's time zone, in which budgets are counted. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Month:
    """A month from ``begins_at`` up to ``ends_at``; ``name`` is 2026-11."""

    name: str
    begins_at: datetime
    ends_at: datetime

    @classmethod
    def of(cls, moment: datetime, zone: ZoneInfo) -> Self:
        """Return the month of a moment."""
        local = moment.astimezone(zone)
        begins_at = datetime(local.year, local.month, 1, tzinfo=zone)
        following = divmod(local.month, 12)
        return cls(
            f"{begins_at:%Y-%m}", begins_at, datetime(local.year + following[0], following[1] + 1, 1, tzinfo=zone)
        )

    def before(self) -> Self:
        """Return the month before this one."""
        last = self.begins_at.replace(year=self.begins_at.year - (self.begins_at.month == 1))
        last = last.replace(month=(self.begins_at.month - 2) % 12 + 1)
        return type(self)(f"{last:%Y-%m}", last, self.begins_at)
