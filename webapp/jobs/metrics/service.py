"""Figures: what `services.metrics` is. The clock folds; pages read."""

from datetime import datetime

from sqlalchemy import Engine

from webapp.jobs.metrics import attempt_stats, error_rollup, outcomes
from webapp.jobs.metrics.attempt_stats import AttemptStats
from webapp.jobs.metrics.error_groups import ErrorGroups
from webapp.jobs.metrics.histogram import DurationHistogram

_AT_MOST = 20  # batches of each kind in one go: the clock has other chores


class Metrics:
    """The figures of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.errors = ErrorGroups(engine)

    def roll_up(self, at_most: int = _AT_MOST) -> None:
        """Add up what has happened since the last time, in transactions that are short each."""
        outcomes.roll_up(self._engine)
        for roll_up in (error_rollup.roll_up, attempt_stats.roll_up):
            for _ in range(at_most):
                if not roll_up(self._engine):
                    break

    def count_ended_by_hour(self, since: datetime, **narrowed: str) -> dict[tuple[datetime, str], int]:
        """Count jobs as they stand, by the hour of their end and their status; see `endings.by_hour`."""
        return outcomes.count_by_hour(self._engine, since, **narrowed)

    def count_ended_by_type(self, since: datetime) -> dict[tuple[str, str], int]:
        """Count jobs as they stand, by their type and status; see `endings.by_type`."""
        return outcomes.count_by_type(self._engine, since)

    def attempt_stats(self, since: datetime, until: datetime | None = None) -> tuple[AttemptStats, ...]:
        """Return how the attempts of each type went; see `runs.by_type`."""
        return attempt_stats.stats_by_type(self._engine, since, until)

    def run_times(self, since: datetime) -> DurationHistogram:
        """Return how long completed runs took."""
        return attempt_stats.run_times(self._engine, since)
