"""Figures: what `services.figures` is. The clock folds; pages read."""

from datetime import datetime

from sqlalchemy import Engine

from webapp.jobs.metrics import attempt_stats, error_rollup, outcomes
from webapp.jobs.metrics.attempt_stats import Went
from webapp.jobs.metrics.error_groups import Groups
from webapp.jobs.metrics.histogram import Durations

_AT_MOST = 20  # batches of each kind in one go: the clock has other chores


class Figures:
    """The figures of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.errors = Groups(engine)

    def fold(self, at_most: int = _AT_MOST) -> None:
        """Add up what has happened since the last time, in transactions that are short each."""
        outcomes.fold(self._engine)
        for fold in (error_rollup.fold, attempt_stats.fold):
            for _ in range(at_most):
                if not fold(self._engine):
                    break

    def ended(self, since: datetime, **narrowed: str) -> dict[tuple[datetime, str], int]:
        """Count jobs as they stand, by the hour of their end and their status; see `endings.by_hour`."""
        return outcomes.by_hour(self._engine, since, **narrowed)

    def ended_by_type(self, since: datetime) -> dict[tuple[str, str], int]:
        """Count jobs as they stand, by their type and status; see `endings.by_type`."""
        return outcomes.by_type(self._engine, since)

    def went(self, since: datetime, until: datetime | None = None) -> tuple[Went, ...]:
        """Return how the attempts of each type went; see `runs.by_type`."""
        return attempt_stats.by_type(self._engine, since, until)

    def durations(self, since: datetime) -> Durations:
        """Return how long completed runs took."""
        return attempt_stats.durations(self._engine, since)
