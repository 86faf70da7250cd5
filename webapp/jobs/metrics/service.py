"""`services.metrics`: the clock rolls up, pages read."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Engine

from webapp.jobs.metrics import attempt_stats, error_rollup, hourly_series, outcomes, totals
from webapp.jobs.metrics.attempt_stats import AttemptStats
from webapp.jobs.metrics.error_groups import ErrorGroups
from webapp.jobs.metrics.histogram import DurationHistogram
from webapp.jobs.metrics.hourly_series import Hours
from webapp.jobs.metrics.totals import Totals

_BATCHES = 20  # per rollup and tick, as the clock has other chores


class Metrics:
    """Rollups of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.errors = ErrorGroups(engine)

    def roll_up(self, batches: int = _BATCHES) -> None:
        """Add up what happened since the last rollup, in short transactions."""
        outcomes.roll_up(self._engine)
        for roll_up in (error_rollup.roll_up, attempt_stats.roll_up):
            for _ in range(batches):
                if not roll_up(self._engine):
                    break

    def count_ended_by_hour(
        self, since: datetime, uncounted_until: datetime | None = None, /, **filters: str
    ) -> dict[tuple[datetime, str], int]:
        """Count ended jobs by hour and current status; see `outcomes.count_by_hour`."""
        return outcomes.count_by_hour(self._engine, since, uncounted_until, **filters)

    def uncounted_until(self, since: datetime) -> datetime | None:
        """Return up to when a polled page counts only what is rolled up; see `outcomes.uncounted_until`."""
        return outcomes.uncounted_until(self._engine, since)

    def count_ended_by_type(self, since: datetime) -> dict[tuple[str, str], int]:
        """Count ended jobs by type and current status; see `outcomes.count_by_type`."""
        return outcomes.count_by_type(self._engine, since)

    def attempt_stats(self, since: datetime, until: datetime | None = None) -> tuple[AttemptStats, ...]:
        """Return the attempt statistics of each type; see `attempt_stats.stats_by_type`."""
        return attempt_stats.stats_by_type(self._engine, since, until)

    def run_times(self, since: datetime) -> DurationHistogram:
        """Return the run times of completed attempts."""
        return attempt_stats.run_times(self._engine, since)

    def totals(self) -> Totals:
        """Return what was counted since counting began; see `totals`."""
        return totals.read(self._engine)

    def count_runs_by_hour(self, since: datetime, /, **filters: str) -> Mapping[tuple[datetime, str, str], int]:
        """Count ended attempts by hour, type and outcome; see `hourly_series.count_runs`."""
        return hourly_series.count_runs(self._engine, since, **filters)

    def wait_times_by_hour(self, since: datetime, /, **filters: str) -> Mapping[str, Hours]:
        """Return the wait times by queue and hour; see `hourly_series.wait_times`."""
        return hourly_series.wait_times(self._engine, since, **filters)

    def run_times_by_hour(self, since: datetime, /, **filters: str) -> Mapping[str, Hours]:
        """Return the run times by type and hour; see `hourly_series.run_times`."""
        return hourly_series.run_times(self._engine, since, **filters)
