"""Runs as dots: when each one started, how long it took and how it ended."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from webapp.jobs.model.job import Job
from webapp.views.charts.duration_scale import DurationScale
from webapp.views.charts.time_scale import Tick, TimeScale
from webapp.views.page.viewer_context import ViewerContext
from webapp.views.text import status_labels
from webapp.views.text.date_format import FormattedTime, duration
from webapp.views.text.status_labels import StatusLabel


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run to draw; ``took`` is None if nothing ran. ``job_id`` is None if its job does not exist any more."""

    at: datetime
    when: FormattedTime
    took: timedelta | None
    look: StatusLabel
    job_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One run: its place in percent, and its row in the table."""

    x: float
    y: float
    look: StatusLabel
    job_id: UUID | None
    when: FormattedTime
    took: str

    @property
    def description(self) -> str:
        """The run in words."""
        return ", ".join(map(str, filter(None, (self.when.text, self.look.word, self.took))))


@dataclass(frozen=True, slots=True, kw_only=True)
class DotPlot:
    """Dots, oldest first, and the labels of both axes."""

    dots: tuple[Dot, ...]
    times: tuple[Tick, ...]
    durations: tuple[Tick, ...]


def job_runs(jobs: Iterable[Job], context: ViewerContext) -> tuple[Run, ...]:
    """Return the runs of jobs that have started, or ended without a start; a running one has taken until now."""
    return tuple(_job_run(job, context) for job in jobs if (job.started_at or job.finished_at) and not job.is_new)


def _job_run(job: Job, context: ViewerContext) -> Run:
    at = job.started_at or job.finished_at or context.now
    took = (job.finished_at or context.now) - job.started_at if job.started_at else None
    return Run(at=at, when=context.when(at), took=took, look=status_labels.status_label(job), job_id=job.id)


def dot_plot(runs: Sequence[Run], times: TimeScale, ticks: tuple[Tick, ...]) -> DotPlot:
    """Return the dots of runs; one without a duration is at the bottom."""
    scale = DurationScale.of(run.took for run in runs if run.took is not None)
    dots = (_dot(run, times, scale) for run in sorted(runs, key=lambda run: run.at))
    return DotPlot(dots=tuple(dots), times=ticks, durations=scale.ticks())


def _dot(run: Run, times: TimeScale, scale: DurationScale) -> Dot:
    return Dot(
        x=times.position(run.at),
        y=100.0 if run.took is None else scale.position(run.took),
        look=run.look,
        job_id=run.job_id,
        when=run.when,
        took=duration(run.took) if run.took is not None else "",
    )
