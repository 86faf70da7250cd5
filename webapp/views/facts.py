"""What a sentence on a job is made from, and what it becomes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from webapp.jobs.job import Job
from webapp.views.waiting import Outlook


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """One sentence on how a job stands, and one more on what to expect; the second may be empty."""

    fact: str
    outlook: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a sentence on a job is made from. ``None`` is "not known".

    ``shown_left`` is the time left that the reader was told last, less what has passed since.
    """

    job: Job
    now: datetime
    zone: ZoneInfo
    queue: Outlook | None = None
    usual: timedelta | None = None
    shown_left: timedelta | None = None
    stopped_by: str = ""

    @property
    def elapsed(self) -> timedelta:
        """How long it has run, or ran."""
        job = self.job
        return max((job.finished_at or self.now) - (job.started_at or self.now), timedelta())
