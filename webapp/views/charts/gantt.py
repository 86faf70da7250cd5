"""Gantt bars: when each of several jobs waited and ran, on one time scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from webapp.jobs.model.job import Job
from webapp.views.charts.time_scale import Tick, TimeScale
from webapp.views.text.date_format import duration
from webapp.views.text.translations import gettext as _

_NARROWEST = 0.8  # percent: a short run is visible
_MOST_TICKS = 3  # more labels would overlap in a column of a table


@dataclass(frozen=True, slots=True, kw_only=True)
class GanttBar:
    """One job: it waited from ``wait_x`` to ``x`` and ran for ``width``, in percent; without a run the width is 0."""

    wait_x: float
    wait_width: float
    x: float
    width: float
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GanttAxis:
    """The scale that the bars of a chart share, and its labels."""

    scale: TimeScale
    ticks: tuple[Tick, ...]


def gantt_axis(root: Job, children: Sequence[Job], now: datetime, zone: ZoneInfo) -> GanttAxis:
    """Return the axis of a root and its children: a child that was retried can end after its root first did."""
    times = [*(child.finished_at for child in children), root.finished_at]
    starts = [at for job in (root, *children) if (at := job.started_at or job.created_at)]
    end = now if not root.is_finished else max((at for at in times if at), default=now)
    scale = TimeScale.of(min(starts, default=now), end)
    return GanttAxis(scale=scale, ticks=scale.ticks(zone, _MOST_TICKS))


def gantt_bar(job: Job, axis: GanttAxis, now: datetime) -> GanttBar:
    """Return the bar of a job; a job that has not started has only waited."""
    started_at = None if job.is_new else job.started_at
    ended_at = job.finished_at or now
    wait_x = axis.scale.position(job.created_at or axis.scale.start)
    x = axis.scale.position(started_at or ended_at)
    width = max(axis.scale.position(ended_at) - x, _NARROWEST) if started_at else 0.0
    return GanttBar(
        wait_x=wait_x,
        wait_width=round(max(x - wait_x, 0.0), 2),
        x=round(min(x, 100 - width), 2),
        width=round(width, 2),
        description=_description(job, started_at, ended_at),
    )


def _description(job: Job, started_at: datetime | None, ended_at: datetime) -> str:
    created_at = job.created_at or ended_at
    waited = _("waited %(period)s", period=duration(max((started_at or ended_at) - created_at, timedelta())))
    return f"{waited}, {_('ran %(period)s', period=duration(ended_at - started_at))}" if started_at else waited
